<?php
// What the PHP clients share: checks, and the work through a fail-over (repeat.py).

$failures = 0;

function check($what, $got, $wanted)
{
    global $failures;
    if ($got === $wanted) {
        echo "ok $what\n";
        return;
    }
    echo "FAIL $what: " . var_export($got, true) . ' instead of ' . var_export($wanted, true) . "\n";
    $failures++;
}

function repeat($set, $get)
{
    stream_set_blocking(STDIN, false);
    while (!$set('before', 'kept')) {
        usleep(2000);
    }
    for ($n = 0; !feof(STDIN); $n++) {
        fread(STDIN, 1);
        $found = [$set('count', $n), $get('count'), $get('before')];
        echo $found === [true, $n, 'kept'] ? "ok $n\n" : 'error ' . json_encode($found) . "\n";
        usleep(2000);
    }
}
