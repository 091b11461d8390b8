import { describe, expect, it } from 'vitest';
import { isLoopbackAlias, restoreOrigin } from '../../src/sidecar/restore_origin.ts';

const HOST = 'x-y.blob.core.windows.net';
const ORIGIN = 'http://127.0.0.1:8479';

describe('the origin to restore from', () => {
  it.each([
    ['@actions/cache-6.3.0', ORIGIN, `http://${HOST}:8479`],
    ['actions/cache', ORIGIN, `http://${HOST}:8479`],
    ['@actions/cache-6.3.0', 'http://localhost', `http://${HOST}`],
    // Clients to which the name is of no use, or that may not know it.
    ['go-actions-cache/1.0', ORIGIN, ORIGIN],
    ['azsdk-go-azblob/v1.5.0', ORIGIN, ORIGIN],
    ['actions/cached', ORIGIN, ORIGIN],
    [undefined, ORIGIN, ORIGIN],
    ['@actions/cache-6.3.0', 'http://172.17.0.1:8479', 'http://172.17.0.1:8479'],
    ['@actions/cache-6.3.0', 'http://127.0.0.1.example.com', 'http://127.0.0.1.example.com'],
  ])('for %s that calls us %s is %s', (userAgent, origin, wanted) => {
    expect(restoreOrigin(origin, userAgent, HOST)).toBe(wanted);
  });

  it('is what the client called us by where the pod has no alias', () => {
    expect(restoreOrigin(ORIGIN, '@actions/cache-6.3.0', undefined)).toBe(ORIGIN);
  });
});

describe('a hosts file', () => {
  it.each([
    [`127.0.0.1 localhost\n127.0.0.1\t${HOST}\n`, true],
    [`# Entries added by HostAliases.\n127.0.0.1\tone two ${HOST} # ours`, true],
    ['127.0.0.1 localhost', false],
    [`# 127.0.0.1 ${HOST}`, false],
    [`127.0.0.1 other.${HOST}`, false],
    [`10.0.0.9 ${HOST}\n127.0.0.1 ${HOST}`, false],
    ['', false],
  ])('%j gives the alias to loopback: %s', (hosts, wanted) => {
    expect(isLoopbackAlias(hosts, HOST)).toBe(wanted);
  });
});
