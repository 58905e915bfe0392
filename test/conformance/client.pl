# The commands that applications use, through Cache::Memcached or Cache::Memcached::Fast.
#
#   client.pl MODULE HOST PORT [repeat]
#
# repeat: see repeat.py.

use strict;
use warnings;
use version;
use IO::Select;
use Time::HiRes qw(sleep);

my ($module, $host, $port, $mode) = @ARGV;
eval "require $module" or die $@;

my $failures = 0;

sub check {
    my ($what, $got, $wanted) = @_;
    $got = '(none)' unless defined $got;
    if ($got eq $wanted) {
        print "ok $what\n";
        return;
    }
    print "FAIL $what: '$got' instead of '$wanted'\n";
    $failures++;
}

sub newer_commands {
    my ($client) = @_;
    $client->set('c', 'one');
    my $held = $client->gets('c');
    check 'cas', $client->cas('c', $held->[0], 'two'), 1;
    check 'cas with a spent token', $client->cas('c', $held->[0], 'three') ? 1 : 0, 0;
    check 'get after cas', $client->get('c'), 'two';

    check 'touch', $client->touch('c', 1000), 1;
    check 'get and touch', $client->gat(1000, 'c'), 'two';

    my ($text) = values %{ $client->server_versions };
    check 'version is a number', $text =~ /^\d+\.\d+\.\d+$/ ? 1 : 0, 1;
    check 'version is 1.6 or later', version->parse($text) >= version->parse('1.6.0') ? 1 : 0, 1;
}

sub repeat {
    my ($client) = @_;
    my $input = IO::Select->new(\*STDIN);
    local $| = 1;
    sleep 0.002 until $client->set('before', 'kept');
    for (my $n = 0; !$input->can_read(0.002); $n++) {
        # Its default is to give a server up for 20 to 30 seconds.
        $client->forget_dead_hosts if $client->can('forget_dead_hosts');
        my $done = $client->set('count', $n);
        my ($count, $before) = map { $client->get($_) // '(none)' } qw(count before);
        my $good = $done && $count eq $n && $before eq 'kept';
        print $good ? "ok $n\n" : "error $count $before\n";
    }
}

my $client = $module->new({
    servers => ["$host:$port"], connect_timeout => 10, io_timeout => 10, select_timeout => 10,
    max_failures => 0 });
if (($mode // '') eq 'repeat') {
    repeat($client);
    exit 0;
}

check 'set', $client->set('k', 'value'), 1;
check 'get', $client->get('k'), 'value';
check 'get of what is not there', scalar $client->get('none'), '(none)';
check 'add of what is there', $client->add('k', 'x') ? 1 : 0, 0;
check 'add of what is not', $client->add('fresh', 'new'), 1;
check 'replace', $client->replace('fresh', 'newer'), 1;
check 'append', $client->append('k', '+more'), 1;
check 'prepend', $client->prepend('k', 'less+'), 1;
check 'get after append', $client->get('k'), 'less+value+more';
check 'set of a structure', $client->set('list', [1, { a => 2 }]), 1;
check 'get of a structure', $client->get('list')->[1]{a}, 2;

my $large = '0123456789' x 50_000;
$client->set('large', $large);
check 'get of 500,000 bytes', $client->get('large') eq $large ? 1 : 0, 1;
$client->set("many$_", $_) for 0 .. 99;
my $found = $client->get_multi((map { "many$_" } 0 .. 99), 'none');
check 'get of many', join(' ', sort { $a <=> $b } values %$found), join(' ', 0 .. 99);

$client->set('n', 10);
check 'incr', $client->incr('n', 5), 15;
check 'decr', $client->decr('n', 1), 14;
check 'decr below nothing', $client->decr('n', 100) + 0, 0;
check 'incr of what is not there', $client->incr('none', 1) ? 1 : 0, 0;

check 'delete', $client->delete('k'), 1;
check 'get after delete', scalar $client->get('k'), '(none)';
check 'delete of what is not there', $client->delete('k') ? 1 : 0, 0;
newer_commands($client) if $client->can('gets');

$client->flush_all;
check 'get after flush', scalar $client->get('fresh'), '(none)';
exit($failures ? 1 : 0);
