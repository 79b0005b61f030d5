description = [[Sends the search request of the Moxa service and prints what comes back, in hex.]]
categories = {"discovery", "safe"}
local comm = require "comm"
local shortport = require "shortport"
local stdnse = require "stdnse"

portrule = shortport.port_or_service(4800, "iims", "udp", {"open", "open|filtered"})

action = function(host, port)
  local status, answer = comm.exchange(host, port, "\x01\x00\x00\x08\x00\x00\x00\x00", {proto = "udp", timeout = 3000})
  return status and "answer " .. stdnse.tohex(answer) or nil
end
