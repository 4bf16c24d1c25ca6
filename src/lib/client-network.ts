// Whose address an address is, for everything that counts or recognises clients by it.

/**
 * The client behind an address: an IPv4 address is itself, an IPv6 one stands for its /64. One phone or household has
 * all of those addresses, and a fresh one for each request must not be a fresh count. What is no address stays as it is.
 */
export function clientNetwork(address: string): string {
  // A dot is in `::ffff:192.0.2.1`: an IPv4 address as a socket of both kinds writes it.
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  // `::1` and its like are no network of anybody.
  return network.every((group) => group === '0') ? address : `${network.join(':')}::/64`;
}
