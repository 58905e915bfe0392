// The commands that applications use, through a client library for Node.js.
//
//   client.js memjs|memcached HOST PORT [repeat]
//
// repeat: see repeat.py. Each library gets a small adapter, so that both go through the same
// steps.

'use strict';
const { promisify } = require('util');

const [name, host, port, mode] = process.argv.slice(2);

function memjs() {
  // Its default is 60 s.
  const client = require('memjs').Client.create(`${host}:${port}`,
    { failoverTime: 1, retries: 1, timeout: 2, conntimeout: 2 });
  const text = (found) => (found.value === null ? undefined : found.value.toString());
  return {
    set: (key, value) => client.set(key, value, { expires: 0 }),
    add: (key, value) => client.add(key, value, { expires: 0 }),
    get: async (key) => text(await client.get(key)),
    append: (key, value) => client.append(key, value),
    incr: async (key, by) => (await client.increment(key, by, { initial: 0 })).value,
    decr: async (key, by) => (await client.decrement(key, by, { initial: 0 })).value,
    touch: (key, seconds) => client.touch(key, seconds),
    remove: (key) => client.delete(key),
    flush: () => promisify(client.flush.bind(client))(),
    end: () => client.close(),
  };
}

function memcached() {
  // Its default is to give a server up for minutes.
  const client = new (require('memcached'))(`${host}:${port}`,
    { timeout: 2000, retries: 0, failures: 1000000, retry: 100, reconnect: 100 });
  const call = (verb) => promisify(client[verb].bind(client));
  return {
    set: (key, value) => call('set')(key, value, 0),
    add: (key, value) => call('add')(key, value, 0).catch(() => false),
    get: call('get'),
    append: call('append'),
    gets: call('gets'),
    cas: (key, value, token) => call('cas')(key, value, token, 0).catch(() => false),
    incr: call('incr'),
    decr: call('decr'),
    touch: call('touch'),
    remove: call('del'),
    flush: call('flush'),
    end: () => client.end(),
  };
}

let failures = 0;

function check(what, got, wanted) {
  if (got === wanted) {
    console.log(`ok ${what}`);
  } else {
    console.log(`FAIL ${what}: ${got} instead of ${wanted}`);
    failures++;
  }
}

async function stores(client) {
  check('set', await client.set('k', 'value'), true);
  check('get', await client.get('k'), 'value');
  check('get of an absent key', await client.get('none'), undefined);
  check('add of an existing key', await client.add('k', 'x'), false);
  check('add of an absent key', await client.add('fresh', 'new'), true);
  check('append', await client.append('k', '+more'), true);
  check('get after append', await client.get('k'), 'value+more');
  const large = '0123456789'.repeat(50000);
  check('set of 500,000 bytes', await client.set('large', large), true);
  check('get of 500,000 bytes', await client.get('large') === large, true);
  const numbers = [...Array(100).keys()].map(String);
  await Promise.all(numbers.map((n) => client.set(`many${n}`, n)));
  const found = await Promise.all(numbers.map((n) => client.get(`many${n}`)));
  check('many at the same time', found.join(), numbers.join());
}

async function changes(client) {
  await client.set('c', 'one');
  if (client.gets) {
    const held = await client.gets('c');
    check('cas', await client.cas('c', 'two', held.cas), true);
    check('cas with a spent token', await client.cas('c', 'three', held.cas), false);
    check('get after cas', await client.get('c'), 'two');
  }
  await client.set('n', '10');
  check('incr', await client.incr('n', 5), 15);
  check('decr', await client.decr('n', 100), 0);
  check('touch', await client.touch('c', 1000), true);
  check('delete', await client.remove('k'), true);
  check('get after delete', await client.get('k'), undefined);
  await client.flush();
  check('get after flush', await client.get('c'), undefined);
}

// Both libraries forget some of the requests that were under way when a connection ended.
function inTime(answer) {
  const late = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer')), 1000).unref();
  });
  return Promise.race([answer, late]);
}

async function repeat(client) {
  let ended = false;
  let prepared = false;
  process.stdin.on('end', () => { ended = true; });
  process.stdin.resume();
  for (let n = 0; !ended; n++) {
    await new Promise((resolve) => { setTimeout(resolve, 2); });
    try {
      prepared = prepared || await inTime(client.set('before', 'kept'));
      const done = await inTime(client.set('count', `n${n}`));
      const [count, before] = [await inTime(client.get('count')), await inTime(client.get('before'))];
      const good = done && count === `n${n}` && before === 'kept';
      console.log(good ? `ok ${n}` : `error ${done} ${count} ${before}`);
    } catch (error) {
      console.log(`error ${error.message}`);
    }
  }
}

async function main() {
  const client = { memjs, memcached }[name]();
  if (mode === 'repeat') {
    await repeat(client);
  } else {
    await stores(client);
    await changes(client);
  }
  client.end();
  process.exit(failures ? 1 : 0);
}

main();
