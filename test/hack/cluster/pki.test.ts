import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keyPairFiles, openAuthority } from '../../../hack/cluster/pki.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'harrier-pki-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const certificate = (file: string) => new X509Certificate(readFileSync(file));

test('a certificate is signed by its authority, for its user, groups and hosts', async () => {
  const authority = await openAuthority(folder, 'ca');
  const files = await authority.issue({
    file: 'kubelet',
    commonName: 'system:node:n1',
    groups: ['system:nodes', 'more'],
    hosts: ['n1', '10.0.0.7'],
  });
  const issued = certificate(files.certFile);
  const ca = certificate(authority.caFile);
  expect(issued.verify(ca.publicKey)).toBe(true);
  expect(issued.checkIssued(ca)).toBe(true);
  expect(issued.subject.split('\n').sort()).toEqual(['CN=system:node:n1', 'O=more', 'O=system:nodes']);
  expect(issued.checkHost('n1')).toBe('n1');
  expect(issued.checkIP('10.0.0.7')).toBe('10.0.0.7');
  expect(issued.checkHost('n2')).toBeUndefined();
  expect(issued.ca).toBe(false);
  expect(ca.ca).toBe(true);
  expect(issued.checkPrivateKey(createPrivateKey(readFileSync(files.keyFile)))).toBe(true);
});

test('private keys are for their owner alone', async () => {
  const authority = await openAuthority(folder, 'ca');
  const { keyFile } = await authority.issue({ file: 'a', commonName: 'a' });
  const pair = await keyPairFiles(folder, 'service-accounts');
  for (const file of [authority.caKeyFile, keyFile, pair.keyFile])
    expect(statSync(file).mode & 0o077).toBe(0);
});

test('an authority opened again signs with the same key, and keeps what it issued', async () => {
  const first = await openAuthority(folder, 'ca');
  const before = readFileSync((await first.issue({ file: 'a', commonName: 'a' })).certFile, 'utf8');
  const again = await openAuthority(folder, 'ca');
  const { certFile } = await again.issue({ file: 'a', commonName: 'a' });
  expect(readFileSync(certFile, 'utf8')).toBe(before);
  const other = await again.issue({ file: 'b', commonName: 'b' });
  expect(certificate(other.certFile).verify(certificate(first.caFile).publicKey)).toBe(true);
});

test("two authorities do not vouch for each other's", async () => {
  const [a, b] = [await openAuthority(folder, 'a'), await openAuthority(folder, 'b')];
  const { certFile } = await a.issue({ file: 'x', commonName: 'x' });
  expect(certificate(certFile).verify(certificate(b.caFile).publicKey)).toBe(false);
});
