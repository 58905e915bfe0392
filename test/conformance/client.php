<?php
// The commands that applications use, through php-memcached.
//
//   client.php text|binary HOST PORT [repeat]
//
// repeat: see repeat.py.

require __DIR__ . '/check.php';

[, $protocol, $host, $port] = $argv;
$client = new Memcached();
$client->setOption(Memcached::OPT_BINARY_PROTOCOL, $protocol === 'binary');
$client->setOption(Memcached::OPT_TCP_NODELAY, true);
// Its default is to give a server up for seconds.
$client->setOption(Memcached::OPT_RETRY_TIMEOUT, 0);
$client->setOption(Memcached::OPT_SERVER_FAILURE_LIMIT, 1000000);
$client->addServer($host, (int)$port);
if (($argv[4] ?? '') === 'repeat') {
    repeat(fn($key, $value) => $client->set($key, $value), fn($key) => $client->get($key));
    exit(0);
}

check('set', $client->set('k', 'value'), true);
check('get', $client->get('k'), 'value');
check('get of what is not there', $client->get('none'), false);
check('and why', $client->getResultCode(), Memcached::RES_NOTFOUND);
check('add of what is there', $client->add('k', 'x'), false);
check('add of what is not', $client->add('fresh', 'new'), true);
check('replace', $client->replace('fresh', 'newer'), true);

// The flags contain the type of a PHP value.
check('set of an array', $client->set('array', ['a' => 1, 'b' => [2, 3]]), true);
check('get of an array', $client->get('array'), ['a' => 1, 'b' => [2, 3]]);
check('set of a number', $client->set('float', 1.5), true);
check('get of a number', $client->get('float'), 1.5);

$client->setOption(Memcached::OPT_COMPRESSION, false);
$client->set('text', 'value');
check('append', $client->append('text', '+more'), true);
check('prepend', $client->prepend('text', 'pre+'), true);
check('get after both', $client->get('text'), 'pre+value+more');
$large = str_repeat('0123456789', 50000);
check('set of 500,000 bytes', $client->set('large', $large), true);
check('get of 500,000 bytes', $client->get('large') === $large, true);

$client->setMulti(['m1' => 'one', 'm2' => 'two']);
check('get of many', $client->getMulti(['m1', 'm2', 'none']), ['m1' => 'one', 'm2' => 'two']);

$client->set('c', 'one');
$item = $client->get('c', null, Memcached::GET_EXTENDED);
check('gets', $item['value'], 'one');
check('cas with the token', $client->cas($item['cas'], 'c', 'two'), true);
check('cas with a spent token', $client->cas($item['cas'], 'c', 'three'), false);
check('and why', $client->getResultCode(), Memcached::RES_DATA_EXISTS);
check('get after cas', $client->get('c'), 'two');

$client->set('n', 10);
check('incr', $client->increment('n', 5), 15);
check('decr', $client->decrement('n', 1), 14);
if ($protocol === 'binary') {
    check('incr creates', $client->increment('fresh-n', 1, 7), 7);
}
check('touch', $client->touch('c', 1000), true);
check('delete', $client->delete('k'), true);
check('get after delete', $client->get('k'), false);
check('delete of what is not there', $client->delete('k'), false);
check('version', array_map(fn($text) => version_compare($text, '1.6', '>='),
                           array_values($client->getVersion())), [true]);
check('flush', $client->flush(), true);
check('get after flush', $client->get('c'), false);

exit($failures ? 1 : 0);
