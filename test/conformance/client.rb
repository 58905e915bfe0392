# The commands that applications use, through dalli (binary protocol).
#
#   client.rb [tls] HOST PORT [repeat]
#
# With TLS it trusts the authority in the file MCD_AUTHORITY. repeat: see repeat.py.

require 'io/wait'
require 'dalli'

$failures = 0

def check(what, got, wanted)
  if got == wanted
    puts "ok #{what}"
  else
    puts "FAIL #{what}: #{got.inspect} instead of #{wanted.inspect}"
    $failures += 1
  end
end

def repeat(client)
  Dalli.logger.level = Logger::FATAL
  $stdout.sync = true
  number = 0
  prepared = false
  until $stdin.wait_readable(0.002)
    begin
      prepared ||= client.set('before', 'kept')
      done = client.set('count', number)
      found = [client.get('count'), client.get('before')]
      puts done && found == [number, 'kept'] ? "ok #{number}" : "error #{found}"
      number += 1
    rescue Dalli::DalliError, OpenSSL::SSL::SSLError => e
      puts "error #{e.message}"
    end
  end
end

# The certificate is for localhost.
def trusting(options)
  context = OpenSSL::SSL::SSLContext.new
  context.set_params(ca_file: ENV.fetch('MCD_AUTHORITY'), verify_mode: OpenSSL::SSL::VERIFY_PEER)
  ARGV[0] = 'localhost'
  options.merge(ssl_context: context)
end

options = { socket_timeout: 10, down_retry_delay: 0 }
options = trusting(options) if ARGV[0] == 'tls' && ARGV.shift
client = Dalli::Client.new("#{ARGV[0]}:#{ARGV[1]}", options)
if ARGV[2] == 'repeat'
  repeat(client)
  exit
end

check 'set', client.set('k', 'value', nil, raw: true) ? true : false, true
check 'get', client.get('k'), 'value'
check 'get of what is not there', client.get('none'), nil
check 'add of what is there', client.add('k', 'x') ? true : false, false
check 'add of what is not', client.add('fresh', 'new') ? true : false, true
check 'replace', client.replace('fresh', 'newer') ? true : false, true
check 'append', client.append('k', '+more') ? true : false, true
check 'get after append', client.get('k'), 'value+more'

large = '0123456789' * 50_000
client.set('large', large)
check 'get of 500,000 bytes', client.get('large') == large, true
100.times { |n| client.set("many#{n}", n.to_s) }
unless options.key?(:ssl_context) # dalli 3.0 then fails, with memcached, too
  found = client.get_multi((0...100).map { |n| "many#{n}" } + ['none'])
  check 'get of many', found.values.map(&:to_i).sort, (0...100).to_a
end

client.set('c', 'one')
_, token = client.get_cas('c')
check 'set with the token', client.set_cas('c', 'two', token) ? true : false, true
check 'set with a spent token', client.set_cas('c', 'three', token) ? true : false, false
check 'get after cas', client.get('c'), 'two'

check 'incr creates', client.incr('n', 5, nil, 10), 10
check 'incr', client.incr('n', 5), 15
check 'decr', client.decr('n', 1), 14
check 'decr below nothing', client.decr('n', 100), 0
check 'incr of what is not there', client.incr('none', 1), nil

check 'delete', client.delete('k'), true
check 'get after delete', client.get('k'), nil
check 'delete of what is not there', client.delete('k') ? true : false, false
check 'touch', client.touch('c', 1000) ? true : false, true
check 'get and touch', client.gat('c', 1000), 'two'
check 'version', client.version.values.all? { |text| Gem::Version.new(text) >= Gem::Version.new('1.6') }, true
check 'stats', client.stats.values.all? { |stats| stats.key?('curr_items') }, true
client.flush_all
check 'get after flush', client.get('c'), nil

exit($failures.zero? ? 0 : 1)
