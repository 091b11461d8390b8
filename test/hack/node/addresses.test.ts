import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseSlot,
  hostInterface,
  networkAt,
  SLOTS,
  slotOfLink,
} from '../../../hack/cluster/node/addresses.ts';

const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
const slot = fc.nat(SLOTS - 1);

describe("a cluster's addresses", () => {
  test('are read back from the link', () => {
    fc.assert(fc.property(name, slot, (n, s) => slotOfLink(networkAt(n, s).hostAddress) === s));
  });

  test('share nothing between two slots', () => {
    fc.assert(
      fc.property(slot, slot, (a, b) => {
        fc.pre(a !== b);
        const one = Object.values(networkAt('n', a));
        const other = Object.values(networkAt('n', b));
        const common = one.filter((value) => other.includes(value));
        // The names alone are equal, being made of the cluster's.
        expect(common).toEqual(['/var/run/netns/harrier-n', 'harrier-n', hostInterface('n')]);
      }),
    );
  });

  test('have an interface name that the kernel takes, another for each cluster', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(hostInterface(a).length).toBeLessThanOrEqual(15);
        expect(hostInterface(a) === hostInterface(b)).toBe(a === b);
      }),
    );
  });

  test.each([
    ['192.0.2.1', undefined],
    ['10.113.0.1', undefined],
    ['10.112.64.1', undefined],
    ['10.112.0.2', undefined],
    ['10.112.0.1', 0],
    ['10.112.63.253', SLOTS - 1],
  ])('%s is of slot %s', (address, expected) => {
    expect(slotOfLink(address)).toBe(expected);
  });
});

describe('the choice of a slot', () => {
  const wanted = chooseSlot('one', []);
  const { podCidr, serviceCidr, hostAddress } = networkAt('one', wanted);

  test('is always the same for a name on a free machine', () => {
    fc.assert(
      fc.property(name, (n) => chooseSlot(n, []) === chooseSlot(n, ['default-less', '192.0.2.0/24'])),
    );
  });

  test.each([
    ["the pods' range", podCidr],
    ["the Services' range", serviceCidr],
    ['the link', hostAddress.replace(/\d+$/, '0/24')],
    ['a single pod', podCidr.replace('0/24', '7')],
    ['a range around them', podCidr.replace(/\d+\.0\/24$/, '0.0/16')],
  ])('goes on when a route has %s', (_, route) => {
    expect(chooseSlot('one', [route])).not.toBe(wanted);
  });

  test('passes over routes so wide that ours are more specific', () => {
    expect(chooseSlot('one', ['10.0.0.0/8', '0.0.0.0/0'])).toBe(wanted);
  });

  test('says so when nothing is left', () => {
    const all = Array.from({ length: 16 }, (_, index) => `10.${64 + index}.0.0/16`);
    expect(() => chooseSlot('one', all)).toThrow('no address range is left');
  });
});
