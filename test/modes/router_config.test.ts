import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../../src/modes/environment.ts';
import { routerConfig } from '../../src/modes/router_config.ts';

const FILE = { HARRIER_CELLS_FILE: '/etc/harrier/cells.json' };

describe("the router's configuration", () => {
  test('needs the cells file alone', () => {
    const config = readEnvironment(routerConfig, { ...FILE, HARRIER_TRUSTED_PROXIES: '' });
    expect(config).toMatchObject({
      HARRIER_PORT: 8080,
      HARRIER_OPS_PORT: 8081,
      HARRIER_SHUTDOWN_SECONDS: 20,
    });
    expect(config.HARRIER_TRUSTED_PROXIES.rules).toEqual([]);
    expect(() => readEnvironment(routerConfig, {})).toThrow('HARRIER_CELLS_FILE');
  });

  test('takes ranges of both families for the proxies it trusts', () => {
    const { HARRIER_TRUSTED_PROXIES: trusted } = readEnvironment(routerConfig, {
      ...FILE,
      HARRIER_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::/32',
    });
    expect(trusted.check('10.1.2.3', 'ipv4')).toBe(true);
    expect(trusted.check('::ffff:10.1.2.3', 'ipv6')).toBe(true);
    expect(trusted.check('2001:db8::1', 'ipv6')).toBe(true);
    expect(trusted.check('192.0.2.1', 'ipv4')).toBe(false);
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', 'proxy/8', '10.0.0.0/'])(
    'refuses %s',
    (range) => {
      const env = { ...FILE, HARRIER_TRUSTED_PROXIES: range };
      expect(() => readEnvironment(routerConfig, env)).toThrow(
        `HARRIER_TRUSTED_PROXIES: ${range} is no range`,
      );
    },
  );
});
