import { describe, expect, it } from 'vitest';
import { clientNetwork } from './client-network.ts';

describe('the client behind an address', () => {
  it.each(['192.0.2.1', '::1', '::ffff:192.0.2.1', '64:ff9b::192.0.2.1', 'unknown', 'scheduler', ''])(
    'is the address itself: %j',
    (address) => expect(clientNetwork(address)).toBe(address),
  );

  it.each([
    '2001:db8:0:7::1',
    '2001:db8:0:7::',
    '2001:DB8::7:a:b:c:d',
    '2001:0db8:0000:0007:ffff:ffff:ffff:ffff',
    '2001:db8:0:7:1:2:3:4',
  ])('is the network that is its own, however it is written: %s', (address) =>
    expect(clientNetwork(address)).toBe('2001:db8:0:7::/64'),
  );

  it.each([
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:8::1', '2001:db8:0:8::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('is not the next one: %s', (address, network) => expect(clientNetwork(address)).toBe(network));
});
