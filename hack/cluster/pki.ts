import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** Paths of a PEM certificate and its PKCS #8 private key. */
export interface KeyPairFiles {
  certFile: string;
  keyFile: string;
}

export interface IssueRequest {
  /** Base name of the two files in the authority's folder. */
  file: string;
  /** The user, for a client certificate (Kubernetes reads CN as the user's name). */
  commonName: string;
  /** The user's groups (Kubernetes reads each O as one). */
  groups?: string[];
  /** DNS names and addresses of a serving certificate. */
  hosts?: string[];
}

/** A certificate authority in a folder; whoever opens the folder again signs with the same key. */
export interface Authority {
  caFile: string;
  caKeyFile: string;
  /** Signs a certificate for both serving and client use, valid for a year. The files of an earlier call stay. */
  issue(request: IssueRequest): Promise<KeyPairFiles>;
}

export async function openAuthority(folder: string, name: string): Promise<Authority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const caFile = join(folder, `${name}.crt`);
  const caKeyFile = join(folder, `${name}.key`);
  if (!existsSync(caFile) || !existsSync(caKeyFile)) await createAuthority(name, caFile, caKeyFile);
  const certificate = new x509.X509Certificate(readFileSync(caFile, 'utf8'));
  const key = await importKey(readFileSync(caKeyFile, 'utf8'));
  return {
    caFile,
    caKeyFile,
    issue: (request) => issue(folder, certificate, key, request),
  };
}

async function createAuthority(name: string, caFile: string, caKeyFile: string): Promise<void> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  writePrivate(caKeyFile, await exportKey(keys.privateKey));
  writeFileSync(caFile, `${certificate.toString('pem')}\n`);
}

async function issue(
  folder: string,
  authority: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  { file, commonName, groups = [], hosts = [] }: IssueRequest,
): Promise<KeyPairFiles> {
  const files = { certFile: join(folder, `${file}.crt`), keyFile: join(folder, `${file}.key`) };
  if (existsSync(files.certFile) && existsSync(files.keyFile)) return files;
  const keys = await newKeys();
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const names = hosts.map((host) => ({
    type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
    value: host,
  }));
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [commonName] }],
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  writePrivate(files.keyFile, await exportKey(keys.privateKey));
  writeFileSync(files.certFile, `${certificate.toString('pem')}\n`);
  return files;
}

/** A bare key pair, as the apiserver signs service accounts' tokens with. */
export async function keyPairFiles(
  folder: string,
  name: string,
): Promise<{ publicFile: string; keyFile: string }> {
  const files = { publicFile: join(folder, `${name}.pub`), keyFile: join(folder, `${name}.key`) };
  if (existsSync(files.publicFile) && existsSync(files.keyFile)) return files;
  const keys = await newKeys();
  writePrivate(files.keyFile, await exportKey(keys.privateKey));
  const spki = await webcrypto.subtle.exportKey('spki', keys.publicKey);
  writeFileSync(files.publicFile, x509.PemConverter.encode(spki, 'PUBLIC KEY'));
  return files;
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, true, ['sign']);
}

/** Starts an hour ago, so that a clock that is a little behind accepts it. */
function validity() {
  return {
    serialNumber: randomBytes(16)
      .toString('hex')
      .replace(/^[89a-f]/, '7'),
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + YEAR_MS),
  };
}

const writePrivate = (file: string, text: string) => writeFileSync(file, text, { mode: 0o600 });
