import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

export const ISSUER_OF_OTHERS = 'https://login.example.test';

export interface ValidatingService {
  /** Such as 127.0.0.1:41234; what the operator's allow list names. */
  host: string;
  /** Paths asked so far, in order. */
  asked: string[];
  /** Good credentials, with whom they speak for and their scopes. */
  accounts: Map<string, { login: string; scopes: string[] }>;
  url(path: string): string;
  /** A JWT of this service as issuer, signed by its newest key. */
  jwt(claims?: JWTPayload, expiresIn?: string): Promise<string>;
  /** Replaces its key: the former one is no longer published. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

/** A service outside the cluster as there are many: good answers at /user, every kind of bad one at other paths. */
export async function startValidatingService(): Promise<ValidatingService> {
  const accounts: ValidatingService['accounts'] = new Map();
  const asked: string[] = [];
  let key = await makeKey(1);
  let keys = 1;

  const answers: Record<string, RequestListener> = {
    '/user': (request, response) => {
      const account = accounts.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
      if (account === undefined) json(response, 401, { message: 'bad credentials' });
      else
        json(response.setHeader('x-oauth-scopes', account.scopes.join(', ')), 200, { login: account.login });
    },
    '/jwks': (_request, response) => json(response, 200, { keys: [key.jwk] }),
    '/401': (_request, response) => json(response, 401, {}),
    '/403': (_request, response) => json(response, 403, {}),
    '/404': (_request, response) => json(response, 404, {}),
    '/500': (_request, response) => json(response, 500, {}),
    '/echo': (request, response) => json(response, 200, { login: request.headers.authorization }),
    '/html': (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><body>Sign in</body></html>'),
    '/malformed': (_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"login": "ada"'),
    '/redirect': (_request, response) => response.writeHead(302, { location: '/user' }).end(),
    '/slow': () => {},
    '/huge': (_request, response) => json(response, 200, { login: 'ada', more: 'x'.repeat(200_000) }),
  };

  const server: Server = createServer((request, response) => {
    const path = request.url ?? '/';
    asked.push(path);
    (answers[path] ?? ((_request, other) => json(other, 404, {})))(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    host,
    asked,
    accounts,
    url: (path) => `http://${host}${path}`,
    jwt: (claims = {}, expiresIn = '1h') =>
      new SignJWT({ scope: 'read write', ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: key.jwk.kid })
        .setIssuer(claims.iss ?? ISSUER_OF_OTHERS)
        .setSubject(claims.sub ?? 'robot')
        .setIssuedAt()
        .setExpirationTime(expiresIn)
        .sign(key.privateKey),
    async rotate() {
      key = await makeKey(++keys);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function makeKey(number: number) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: `key-${number}`, alg: 'ES256' } };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
