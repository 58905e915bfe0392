# Dalli (and Rails' mem_cache_store) with pairs: the settings it needs, and why.
#
#   Dalli::Client.new(PAIRS, DALLI_OPTIONS)

PAIRS = %w[10.0.0.101:11211 10.0.0.102:11211 10.0.0.103:11211 10.0.0.104:11211].freeze

DALLI_OPTIONS = {
  # Dalli tries a failed call again after socket_failure_delay (s) on a new connection, up to
  # socket_max_failures times in all; then the pair counts as down. The defaults, 2 and 0.1,
  # bridge a fail-over of 100 ms, and nothing longer. These values bridge 0.9 s: the call takes
  # that long, and the application sees no error.
  socket_max_failures: 10,
  socket_failure_delay: 0.1,

  # How long (s) Dalli does not try a pair that is down. The default, 30, turns a fail-over of 0.2 s
  # into half a minute of misses.
  down_retry_delay: 0.5,

  # s, for connecting and for each answer. The default, 1, is long for a cache.
  socket_timeout: 0.5,

  # The other pairs do not have the keys of the pair that is down. The default, true, would send
  # requests for them there, and later back to values that have become stale.
  failover: false
}.freeze
