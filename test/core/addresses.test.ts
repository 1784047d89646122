import { BlockList } from "node:net";
import { expect, test } from "vitest";
import { addBlock, addressRefusal, plainAddress } from "../../src/core/addresses.ts";

const all = new BlockList();
for (const block of ["0.0.0.0/0", "::/0"]) addBlock(all, block);
const none = new BlockList();

test.each(["169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "fe80::1", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"])("%s is refused by whatever list", (address) => {
  expect(addressRefusal(address, all)).toContain("never called");
});

test.each(["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::7f00:1"])("%s is called only where the list has it", (address) => {
  expect(addressRefusal(address, none)).toContain("webhooks.allow does not have it");
  expect(addressRefusal(address, all)).toBeNull();
});

test.each(["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])("%s is the public internet", (address) => {
  expect(addressRefusal(address, none)).toBeNull();
});

test("an address that is none is refused", () => {
  expect(addressRefusal("example.com", all)).toBe("is not an IP address");
});

test("an IPv4 address in an IPv6 coat is the IPv4 address", () => {
  expect(["::ffff:127.0.0.1", "0:0:0:0:0:ffff:7f00:1", "::FFFF:7F00:0001", "::1", "10.0.0.1"].map(plainAddress)).toEqual(["127.0.0.1", "127.0.0.1", "127.0.0.1", "::1", "10.0.0.1"]);
});
