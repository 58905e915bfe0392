<?php
// The commands that applications use, through Laravel's cache.
//
//   laravel.php HOST PORT [repeat]
//
// repeat: see repeat.py.

require __DIR__ . '/check.php';
require 'Illuminate/Cache/autoload.php';

use Illuminate\Cache\MemcachedConnector;
use Illuminate\Cache\MemcachedStore;
use Illuminate\Cache\Repository;

error_reporting(E_ALL & ~E_DEPRECATED);

[, $host, $port] = $argv;
$client = (new MemcachedConnector())->connect(
    [['host' => $host, 'port' => (int)$port, 'weight' => 100]], null,
    // Its default is to give a server up for seconds.
    [Memcached::OPT_RETRY_TIMEOUT => 0, Memcached::OPT_SERVER_FAILURE_LIMIT => 1000000]);
$cache = new Repository(new MemcachedStore($client, 'app:'));
if (($argv[3] ?? '') === 'repeat') {
    repeat(fn($key, $value) => $cache->put($key, $value, 1000), fn($key) => $cache->get($key));
    exit(0);
}

check('put', $cache->put('k', ['a' => 1], 60), true);
check('get', $cache->get('k'), ['a' => 1]);
check('get of an absent key', $cache->get('none', 'default'), 'default');
check('forever', $cache->forever('kept', 'v'), true);
check('add of an existing key', $cache->add('k', 'x', 60), false);
check('add of an absent key', $cache->add('fresh', 'new', 60), true);
check('has', $cache->has('fresh'), true);
check('remember', $cache->remember('made', 60, fn() => 'once'), 'once');
check('remembered', $cache->remember('made', 60, fn() => 'twice'), 'once');
check('pull', $cache->pull('made'), 'once');
check('pulled', $cache->has('made'), false);
check('put of many', $cache->putMany(['m1' => 1, 'm2' => 2], 60), true);
check('get of many', $cache->many(['m1', 'm2', 'm3']), ['m1' => 1, 'm2' => 2, 'm3' => null]);
check('set of a number', $cache->put('n', 10, 60), true);
check('increment', $cache->increment('n', 5), 15);
check('decrement', $cache->decrement('n', 1), 14);
$lock = $cache->getStore()->lock('job', 60);
check('lock', $lock->get(), true);
check('lock of another', $cache->getStore()->lock('job', 60)->get(), false);
check('release', $lock->release(), true);
check('lock again', $cache->getStore()->lock('job', 60)->get(), true);
check('forget', $cache->forget('k'), true);
check('forgotten', $cache->get('k'), null);
check('flush', $cache->flush(), true);
check('flushed', $cache->get('kept'), null);
exit($failures ? 1 : 0);
