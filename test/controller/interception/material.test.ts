import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority, makeLeaf } from '../../../src/controller/interception/certificates.ts';
import {
  type Authority,
  authoritiesIn,
  authorityData,
  idOf,
  seenAuthority,
  servedData,
  servedIn,
  upstreamRootsIn,
} from '../../../src/controller/interception/material.ts';

const HOST = 'results-receiver.actions.githubusercontent.com';
const DAY = 24 * 3600_000;
const NOW = new Date('2026-11-21T08:00:00Z');
const decoded = (data: Record<string, string>, key: string) =>
  Buffer.from(data[key] ?? '', 'base64').toString();

let old: Authority;
let fresh: Authority;
let roots: string;
let leaf: { certificate: string; key: string };
beforeAll(async () => {
  old = await makeAuthority(HOST, NOW, 10 * DAY);
  fresh = await makeAuthority(HOST, NOW, 365 * DAY);
  leaf = await makeLeaf(old, NOW, 30 * DAY);
  roots = (await makeAuthority('forge.example.com', NOW, DAY)).certificate;
});

describe('the certificates of a pool', () => {
  it('are for the host alone, and end with their authority at the latest', () => {
    const certificate = new X509Certificate(leaf.certificate);
    expect(certificate.checkHost(HOST)).toBe(HOST);
    expect(certificate.subjectAltName).toBe(`DNS:${HOST}`);
    expect(certificate.ca).toBe(false);
    expect(certificate.validToDate).toEqual(new Date(NOW.getTime() + 10 * DAY));
    const authority = new X509Certificate(old.certificate);
    expect([authority.ca, certificate.checkIssued(authority)]).toEqual([true, true]);
    expect(certificate.checkIssued(new X509Certificate(fresh.certificate))).toBe(false);
    expect(authority.toLegacyObject().raw.includes(Buffer.from(HOST))).toBe(true);
  });
});

describe('what the pods mount', () => {
  it('holds every root that Node would trust without us, after ours, and fits into a Secret', () => {
    const data = servedData(leaf, [old, fresh], roots);
    const bundle = decoded(data, 'bundle.crt');
    const ids = (bundle.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((certificate) =>
      idOf({ certificate }),
    );
    expect(ids).toEqual([old, fresh, ...rootCertificates.map((certificate) => ({ certificate }))].map(idOf));
    expect(decoded(data, 'ca.crt')).toBe(old.certificate + fresh.certificate);
    expect(JSON.stringify(data).length).toBeLessThan(768 * 1024);
    expect(
      JSON.stringify(Object.values(data).map((one) => Buffer.from(one, 'base64').toString())),
    ).not.toContain(old.key.split('\n')[1]);
  });

  it('is read back as it was written', () => {
    expect(servedIn(servedData(leaf, [old, fresh], roots), [old, fresh], roots)).toEqual({
      trusted: [idOf(old), idOf(fresh)],
      rootsCurrent: true,
      leaf: { issuer: idOf(old), notAfter: new Date(NOW.getTime() + 10 * DAY) },
    });
  });

  it('is to be written anew when it is somebody`s own, cut off, or a key of another certificate', async () => {
    const data = servedData(leaf, [old], roots);
    const other = await makeLeaf(old, NOW, DAY);
    expect(servedIn(data, [fresh], roots)).not.toHaveProperty('leaf');
    expect(servedIn({ ...data, 'tls.key': Buffer.from(other.key).toString('base64') }, [old], roots)).toEqual(
      {
        trusted: [],
        rootsCurrent: false,
      },
    );
    expect(servedIn({ ...data, 'tls.crt': 'AAAA' }, [old], roots).rootsCurrent).toBe(false);
    expect(servedIn({ ...data, 'bundle.crt': data['ca.crt'] ?? '' }, [old], roots).rootsCurrent).toBe(false);
    expect(servedIn({}, [old], roots).rootsCurrent).toBe(false);
  });
});

describe('what the sidecar knows the real service by', () => {
  it('is every certificate of the forge`s Secret, and nothing that lies beside them', () => {
    const text = `# corporate\n${roots}${old.key}${fresh.certificate}`;
    expect(upstreamRootsIn({ 'ca.crt': Buffer.from(text).toString('base64') })).toBe(
      roots + fresh.certificate,
    );
    expect(upstreamRootsIn({ token: 'AAAA' })).toBe('');
  });

  it('is written anew when it has changed', () => {
    expect(servedIn(servedData(leaf, [old], roots), [old], '').rootsCurrent).toBe(false);
    expect(servedIn(servedData(leaf, [old], ''), [old], roots).rootsCurrent).toBe(false);
  });
});

describe('what the controller keeps', () => {
  it('is read back, with the time of publication', () => {
    const published = { ...old, publishedAt: NOW.toISOString() };
    expect(authoritiesIn(authorityData([published, fresh]))).toEqual([published, fresh]);
    expect(seenAuthority(published)).toEqual({
      id: idOf(old),
      host: HOST,
      notAfter: new Date(NOW.getTime() + 10 * DAY),
      publishedAt: NOW,
    });
  });

  it.each(['', 'x', '{}', '{"authorities":[{"host":"h","key":"SECRET"}]}'])(
    'is never overwritten where it can`t be read: %j, and not quoted',
    (text) => {
      const data = { 'authorities.json': Buffer.from(text).toString('base64') };
      expect(() => authoritiesIn(data)).toThrow(/^the Secret has no readable authorities\.json$/);
    },
  );
});
