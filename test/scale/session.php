<?php
// Requests that each increment a counter in one PHP session, until the standard input ends.
//
//   session.php session_start|patient_session_start SESSION
//
// Prints a line for each: its end (seconds), ok or error, the count or PHP's message.

require __DIR__ . '/../../conf/scale/session.php';
$start = $argv[1];
$said = '';
set_error_handler(function ($number, $text) use (&$said) {
    if (error_reporting() & $number) {
        $said = $said ?: $text;
    }
    return true;
});
ini_set('session.use_cookies', '0');
ini_set('session.cache_limiter', '');
stream_set_blocking(STDIN, false);

while (!feof(STDIN)) {
    fread(STDIN, 1);
    $said = '';
    session_id($argv[2]);
    $ok = $start();
    $count = 0;
    if ($ok) {
        $count = $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
        $ok = session_write_close();
    }
    printf("%.6f %s %s\n", hrtime(true) / 1e9, $ok && !$said ? 'ok' : 'error', $said ?: $count);
    usleep(2000);
}
