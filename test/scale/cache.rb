# Sets and gets with Dalli until the standard input ends.
#
#   cache.rb default|shipped HOST:PORT
#
# Prints a line for each: its end (seconds), ok or error, the count or the error.

require 'io/wait'
require 'dalli'
require_relative '../../conf/scale/dalli'

Dalli.logger.level = Logger::FATAL
client = Dalli::Client.new(ARGV[1], ARGV[0] == 'shipped' ? DALLI_OPTIONS : {})
$stdout.sync = true
count = 0
until $stdin.wait_readable(0.002)
  begin
    stored = client.set('count', count + 1)
    raise 'set answers nothing' unless stored

    count += 1
    found = client.get('count')
    raise "get gives #{found.inspect} after #{count}" unless found == count

    word = "ok #{count}"
  rescue StandardError => e
    word = "error #{e.class}: #{e.message}"
  end
  puts format('%.6f %s', Process.clock_gettime(Process::CLOCK_MONOTONIC), word)
end
