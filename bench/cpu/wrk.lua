-- Rotates through the cohort keys, and prints what cpu/load.ts reads as the last line.
local requests, at = {}, 0

function init(args)
  for i = 1, tonumber(args[1]) do
    requests[i] = wrk.format("GET", "/", { ["x-user"] = "user-" .. i, ["Host"] = wrk.headers["Host"] })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"completed":%d,"failed":%d,"seconds":%.3f,"p50Ms":%.3f,"p99Ms":%.3f}', summary.requests,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
