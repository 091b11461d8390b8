/** Makes a pool's certificates. To be loaded when the first is made: few installations make any. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Authority } from './material.ts';
import { constrainedTo, NAME_CONSTRAINTS } from './name_constraints.ts';

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of nodes differ. */
const BACKDATED_MS = 3600_000;

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

/** An authority of its own for that host alone, which can make no other authority. */
export async function makeAuthority(host: string, now: Date, lifeMs: number): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(now, lifeMs),
    // Its own: a program that trusts two of one name may try only the first of them.
    name: [{ CN: [`Harrier interception ${randomBytes(8).toString('hex')}`] }],
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, constrainedTo(host)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { host, certificate: pem(certificate), key: await exported(keys.privateKey) };
}

/** What the sidecar shows for the host; ends with its authority at the latest. */
export async function makeLeaf(authority: Authority, now: Date, lifeMs: number): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await newKeys();
  const times = validity(now, lifeMs);
  const certificate = await x509.X509CertificateGenerator.create({
    ...times,
    notAfter: times.notAfter < issuer.notAfter ? times.notAfter : issuer.notAfter,
    subject: [{ CN: ['Harrier sidecar'] }],
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await imported(authority.key),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: authority.host }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exported(keys.privateKey) };
}

function validity(now: Date, lifeMs: number) {
  return {
    // Positive, and never the same: 20 octets at most (RFC 5280 section 4.1.2.2).
    serialNumber: `01${randomBytes(16).toString('hex')}`,
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter: new Date(now.getTime() + lifeMs),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function exported(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

async function imported(key: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(key);
  if (der === undefined) throw new Error('the key of an authority is not PEM');
  return await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
