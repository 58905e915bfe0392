// The commands that applications use, through gomemcache.
//
//	client.go HOST PORT [repeat]
//
// repeat: see repeat.py.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

var failures = 0

func check(what string, got, wanted interface{}) {
	if got == wanted {
		fmt.Println("ok", what)
		return
	}
	fmt.Printf("FAIL %s: %v instead of %v\n", what, got, wanted)
	failures++
}

func text(item *memcache.Item, err error) string {
	if err != nil {
		return err.Error()
	}
	return string(item.Value)
}

func set(c *memcache.Client, key, value string) error {
	return c.Set(&memcache.Item{Key: key, Value: []byte(value)})
}

func stores(c *memcache.Client) {
	check("set", set(c, "k", "value"), nil)
	check("get", text(c.Get("k")), "value")
	check("get of an absent key", text(c.Get("none")), memcache.ErrCacheMiss.Error())
	check("add of an existing key", c.Add(&memcache.Item{Key: "k"}), memcache.ErrNotStored)
	check("add of an absent key", c.Add(&memcache.Item{Key: "fresh", Flags: 7}), nil)
	item, err := c.Get("fresh")
	check("get of an empty value", err == nil && len(item.Value) == 0 && item.Flags == 7, true)
	large := bytes.Repeat([]byte("0123456789"), 50000)
	check("set of 500,000 bytes", c.Set(&memcache.Item{Key: "large", Value: large}), nil)
	check("get of 500,000 bytes", text(c.Get("large")), string(large))
	keys := []string{"none"}
	for i := 0; i < 100; i++ {
		keys = append(keys, fmt.Sprintf("many%d", i))
		check("set of one of many", set(c, keys[i+1], keys[i+1]), nil)
	}
	found, err := c.GetMulti(keys)
	check("get of many", err == nil && len(found) == 100 && string(found["many7"].Value) == "many7", true)
}

func changes(c *memcache.Client) {
	check("set for a cas", set(c, "c", "one"), nil)
	item, err := c.Get("c")
	check("get for a cas", err, nil)
	item.Value = []byte("two")
	check("cas", c.CompareAndSwap(item), nil)
	check("cas with a spent token", c.CompareAndSwap(item), memcache.ErrCASConflict)
	check("get after cas", text(c.Get("c")), "two")
	check("set of a number", set(c, "n", "10"), nil)
	n, _ := c.Increment("n", 5)
	check("incr", n, uint64(15))
	n, _ = c.Decrement("n", 100)
	check("decr below zero", n, uint64(0))
	_, err = c.Increment("none", 1)
	check("incr of an absent key", err, memcache.ErrCacheMiss)
	check("touch", c.Touch("c", 1000), nil)
	check("delete", c.Delete("k"), nil)
	check("delete of an absent key", c.Delete("k"), memcache.ErrCacheMiss)
	check("flush", c.FlushAll(), nil)
	check("get after flush", text(c.Get("c")), memcache.ErrCacheMiss.Error())
}

func repeat(c *memcache.Client) {
	ended := make(chan bool)
	go func() {
		bufio.NewReader(os.Stdin).ReadByte()
		ended <- true
	}()
	for set(c, "before", "kept") != nil {
		time.Sleep(2 * time.Millisecond)
	}
	for i := 0; ; i++ {
		select {
		case <-ended:
			return
		case <-time.After(2 * time.Millisecond):
		}
		number := fmt.Sprint(i)
		err := set(c, "count", number)
		count, before := text(c.Get("count")), text(c.Get("before"))
		if err == nil && count == number && before == "kept" {
			fmt.Println("ok", number)
		} else {
			fmt.Println("error", err, count, before)
		}
	}
}

func main() {
	c := memcache.New(os.Args[1] + ":" + os.Args[2])
	if len(os.Args) > 3 {
		repeat(c)
		return
	}
	stores(c)
	changes(c)
	if failures > 0 {
		os.Exit(1)
	}
}
