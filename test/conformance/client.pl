# The commands that applications use, through Cache::Memcached::Fast.
#
#   client.pl HOST PORT

use strict;
use warnings;
use version;
use Cache::Memcached::Fast;

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

my $client = Cache::Memcached::Fast->new({
    servers => ["$ARGV[0]:$ARGV[1]"], connect_timeout => 10, io_timeout => 10 });

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
$client->set_multi(map { ["many$_", $_] } 0 .. 99);
my $found = $client->get_multi((map { "many$_" } 0 .. 99), 'none');
check 'get of many', join(' ', sort { $a <=> $b } values %$found), join(' ', 0 .. 99);

$client->set('c', 'one');
my $held = $client->gets('c');
check 'cas', $client->cas('c', $held->[0], 'two'), 1;
check 'cas with a spent token', $client->cas('c', $held->[0], 'three') ? 1 : 0, 0;
check 'get after cas', $client->get('c'), 'two';

$client->set('n', 10);
check 'incr', $client->incr('n', 5), 15;
check 'decr', $client->decr('n', 1), 14;
check 'decr below nothing', $client->decr('n', 100) + 0, 0;
check 'incr of what is not there', $client->incr('none', 1) ? 1 : 0, 0;

check 'delete', $client->delete('k'), 1;
check 'get after delete', scalar $client->get('k'), '(none)';
check 'delete of what is not there', $client->delete('k') ? 1 : 0, 0;
check 'touch', $client->touch('c', 1000), 1;
check 'get and touch', $client->gat(1000, 'c'), 'two';

my ($text) = values %{ $client->server_versions };
check 'version is a number', $text =~ /^\d+\.\d+\.\d+$/ ? 1 : 0, 1;
check 'version is 1.6 or later', version->parse($text) >= version->parse('1.6.0') ? 1 : 0, 1;

$client->flush_all;
check 'get after flush', scalar $client->get('c'), '(none)';
exit($failures ? 1 : 0);
