/*
 * The commands that applications use, through spymemcached.
 *
 *   Client.java text|binary HOST PORT [repeat]
 *
 * repeat: see repeat.py.
 */
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import net.spy.memcached.AddrUtil;
import net.spy.memcached.CASResponse;
import net.spy.memcached.CASValue;
import net.spy.memcached.ConnectionFactoryBuilder;
import net.spy.memcached.ConnectionFactoryBuilder.Protocol;
import net.spy.memcached.MemcachedClient;

class Client {
    static int failures = 0;

    static void check(String what, Object got, Object wanted) {
        if (wanted == null ? got == null : wanted.equals(got)) {
            System.out.println("ok " + what);
            return;
        }
        System.out.println("FAIL " + what + ": " + got + " instead of " + wanted);
        failures++;
    }

    static void stores(MemcachedClient c) throws Exception {
        check("set", c.set("k", 0, "value").get(), true);
        check("get", c.get("k"), "value");
        check("get of an absent key", c.get("none"), null);
        check("add of an existing key", c.add("k", 0, "x").get(), false);
        check("add of an absent key", c.add("fresh", 0, "new").get(), true);
        check("replace", c.replace("fresh", 0, "newer").get(), true);
        check("append", c.append("k", "+more").get(), true);
        check("prepend", c.prepend("k", "less+").get(), true);
        check("get after both", c.get("k"), "less+value+more");
        check("set of a number", c.set("float", 0, 1.5).get(), true);
        check("get of a number", c.get("float"), 1.5);
        byte[] large = new byte[500000];
        check("set of 500,000 bytes", c.set("large", 0, large).get(), true);
        check("get of 500,000 bytes", ((byte[]) c.get("large")).length, large.length);
        Map<String, Object> many = new HashMap<>();
        for (int i = 0; i < 100; i++)
            many.put("many" + i, "" + i);
        for (Map.Entry<String, Object> one : many.entrySet())
            c.set(one.getKey(), 0, one.getValue()).get();
        check("get of many", c.getBulk(many.keySet()), many);
    }

    static void changes(MemcachedClient c) throws Exception {
        c.set("c", 0, "one").get();
        CASValue<Object> held = c.gets("c");
        check("cas", c.cas("c", held.getCas(), "two"), CASResponse.OK);
        check("cas with a spent token", c.cas("c", held.getCas(), "three"), CASResponse.EXISTS);
        check("get after cas", c.get("c"), "two");
        check("incr creates", c.incr("n", 5, 10), 10L);
        check("incr", c.incr("n", 5), 15L);
        check("decr", c.decr("n", 1), 14L);
        check("decr below zero", c.decr("n", 100), 0L);
        check("incr of an absent key", c.incr("none", 1), -1L);
        check("touch", c.touch("c", 1000).get(), true);
        check("get and touch", c.getAndTouch("c", 1000).getValue(), "two");
        check("delete", c.delete("k").get(), true);
        check("delete of an absent key", c.delete("k").get(), false);
        check("version", c.getVersions().values().iterator().next().startsWith("1."), true);
        check("flush", c.flush().get(), true);
        check("get after flush", c.get("c"), null);
    }

    static volatile boolean ended = false;

    static void waitForEnd() {
        try {
            System.in.read();
        } catch (IOException e) {
            // it has ended, too
        }
        ended = true;
    }

    static void repeat(MemcachedClient c) throws InterruptedException {
        boolean prepared = false;
        new Thread(Client::waitForEnd).start();
        for (long i = 0; !ended; i++) {
            Thread.sleep(2);
            try {
                if (!prepared)
                    prepared = c.set("before", 0, "kept").get();
                boolean done = c.set("count", 0, "" + i).get();
                Object count = c.get("count"), before = c.get("before");
                boolean good = done && ("" + i).equals(count) && "kept".equals(before);
                System.out.println((good ? "ok " + i : "error " + done + " " + count + " " + before));
            } catch (Exception e) {
                System.out.println("error " + e);
            }
        }
    }

    public static void main(String[] words) throws Exception {
        Logger.getLogger("net.spy").setLevel(Level.OFF);
        System.setProperty("net.spy.log.LoggerImpl", "net.spy.memcached.compat.log.SunLogger");
        MemcachedClient c = new MemcachedClient(
            new ConnectionFactoryBuilder()
                .setProtocol(words[0].equals("text") ? Protocol.TEXT : Protocol.BINARY)
                .setMaxReconnectDelay(1)
                .build(),
            AddrUtil.getAddresses(words[1] + ":" + words[2]));
        if (words.length > 3) {
            repeat(c);
        } else {
            stores(c);
            if (words[0].equals("binary"))
                changes(c);
            else
                System.out.println("ok (touch needs the binary protocol)");
        }
        c.shutdown();
        System.exit(failures > 0 ? 1 : 0);
    }
}
