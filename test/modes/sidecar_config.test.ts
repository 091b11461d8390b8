import { describe, expect, it } from 'vitest';
import { readSidecarConfig } from '../../src/modes/sidecar_config.ts';

const API = { HARRIER_API_URL: 'http://api:8080/' };

describe('the sidecar`s configuration', () => {
  it('has defaults for all but the api', () => {
    expect(readSidecarConfig({ ...API, HARRIER_RESULTS_UPSTREAM: '' })).toEqual({
      apiUrl: 'http://api:8080',
      tokenFile: '/var/run/secrets/harrier.dev/token',
      port: 8479,
      resultsUpstream: undefined,
      artifacts: false,
      blobHost: undefined,
      logLevel: 'info',
    });
  });

  it('takes the alias that the controller gave the pod', () => {
    expect(readSidecarConfig({ ...API, HARRIER_BLOB_HOST: 'x.example' }).blobHost).toBe('x.example');
    expect(readSidecarConfig({ ...API, HARRIER_BLOB_HOST: '' }).blobHost).toBeUndefined();
  });

  it('takes where it stands for the results service, and needs to know where that is', () => {
    const stands = { HARRIER_INTERCEPTION_DIR: '/tls', HARRIER_INTERCEPTION_ADDRESS: '127.0.84.79:443' };
    const upstream = { HARRIER_RESULTS_UPSTREAM: 'https://results.example.com' };
    expect(readSidecarConfig({ ...API, ...stands, ...upstream }).interception).toEqual({
      address: '127.0.84.79',
      port: 443,
      folder: '/tls',
    });
    expect(() => readSidecarConfig({ ...API, ...stands })).toThrow('HARRIER_RESULTS_UPSTREAM');
    for (const address of ['', '10.0.0.1:443', '0.0.0.0:443', '127.0.0.1'])
      expect(() =>
        readSidecarConfig({ ...API, ...stands, ...upstream, HARRIER_INTERCEPTION_ADDRESS: address }),
      ).toThrow('HARRIER_INTERCEPTION_ADDRESS');
  });

  it.each([
    ['HARRIER_API_URL', ''],
    ['HARRIER_API_URL', 'ftp://api'],
    ['HARRIER_API_URL', 'http://'],
    ['HARRIER_RESULTS_UPSTREAM', 'github.com'],
    ['HARRIER_PORT', '65536'],
    ['HARRIER_PORT', 'http'],
    ['HARRIER_LOG_LEVEL', 'loud'],
  ])('names %s when it is %j', (name, value) => {
    expect(() => readSidecarConfig({ ...API, [name]: value })).toThrow(name);
  });
});
