import { describe, expect, it } from 'vitest';
import { resultsHost } from '../../../src/forges/github/results_host.ts';

describe('the host of the results service', () => {
  it.each([
    ['https://github.com', 'results-receiver.actions.githubusercontent.com'],
    ['https://github.com/acme', 'results-receiver.actions.githubusercontent.com'],
    ['https://www.github.com/', 'results-receiver.actions.githubusercontent.com'],
    ['https://api.github.com', 'results-receiver.actions.githubusercontent.com'],
    ['https://octocorp.ghe.com', 'results-receiver.actions.octocorp.ghe.com'],
    ['https://api.octocorp.ghe.com', 'results-receiver.actions.octocorp.ghe.com'],
    ['https://github.example.com', undefined],
    ['https://github.com.example.com', undefined],
    ['https://notghe.com', undefined],
  ])('of %s is %s', (url, host) => {
    expect(resultsHost(url)).toBe(host);
  });
});
