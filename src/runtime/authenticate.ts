import type { FastifyRequest } from 'fastify';
import fastifyPlugin from 'fastify-plugin';
import type { RunnerToken } from '../resources/runner_token.ts';
import { bearerToken } from '../tokens/bearer.ts';
import type { RuntimeClaims } from '../tokens/claims.ts';
import { type Refusal, TokenRefused } from '../tokens/refusal.ts';
import type { TokenVerifier } from '../tokens/verify.ts';
import type { LiveTokens } from './live_tokens.ts';
import { type Problem, problem } from './problem.ts';
import { isServed, type RunnerStanding, standingOf, wrongState } from './served_states.ts';
import type { TrustedIssuers, Visitor } from './trusted/check_visitor.ts';

/** Who the request comes from, as proven by its token and by the cluster at this moment. */
export interface Identity {
  readonly claims: RuntimeClaims;
  /** The RunnerToken as the cluster has it; its `status.runner` is the runner's last report. */
  readonly token: RunnerToken;
}

/** A runner of ours, or a visitor: a runner of a trusted issuer. */
export interface Caller {
  /** A visitor's have a cache tenant apart from all others. */
  readonly claims: RuntimeClaims;
  readonly token?: RunnerToken;
}

/**
 * What a route asks of its caller. A route that says nothing asks for a runner's token: closed by default. An agent's
 * token opens the routes for agents and no other. `registration`, `introspection`, `webhook` and `signed-url` mean that
 * the route itself checks a registration token, a client's secret, a forge's signature, a signature in the URL, `manager` a token of Kubernetes
 * (management/guard.ts); `public` that there is nothing to hide.
 */
export type Access =
  | 'runner'
  | 'agent'
  | 'registration'
  | 'introspection'
  | 'manager'
  | 'webhook'
  | 'signed-url'
  | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** States in which a runner or agent is served; every route for them states them. */
    states?: readonly RunnerStanding[];
    /** `trusted` where the runners of trusted issuers are served as well; only our own are when absent. */
    issuers?: 'own' | 'trusted';
    /** What a genuine token is told whose pod or attempt is over; that it is not acceptable when absent. */
    lockLost?: () => Problem;
  }
  interface FastifyInstance {
    readonly recognize: Recognize;
  }
  interface FastifyRequest {
    /** The verified caller, a runner of ours; throws on a route that isn't of access `runner`. */
    readonly identity: Identity;
    /** The same where it may be a visitor too, of whom the cluster knows nothing. */
    readonly caller: Caller;
  }
}

/**
 * The runner of an Authorization header, where nothing has to be waited for: its signature is remembered, it is in its
 * time, the watch is alive and stands behind it at this moment, and the route serves its state. Undefined for all
 * others, who may be served yet; refuses nobody and counts nothing.
 */
export type Recognize = (
  authorization: string | undefined,
  route: { states?: readonly RunnerStanding[] | undefined },
) => Identity | undefined;

export interface AuthenticateOptions {
  verifier: TokenVerifier;
  /** Accepts agent tokens alone. */
  agentVerifier: TokenVerifier;
  live: LiveTokens;
  /** Whose runners are served on routes for `trusted` issuers; nobody's when absent. */
  trusted?: Pick<TrustedIssuers, 'of'>;
  onRefusal(refusal: Refusal): void;
}

/** The token is genuine, and held by that pod and attempt no longer. */
const LOCK_LOST: ReadonlySet<Refusal> = new Set(['dead-pod', 'old-attempt']);

const IDENTITY = Symbol('identity');
const VISITOR = Symbol('visitor');
type WithIdentity = FastifyRequest & { [IDENTITY]?: Identity; [VISITOR]?: Visitor };

/** Bearer check of every route but those declared otherwise. */
export const authenticate = fastifyPlugin<AuthenticateOptions>(
  async (app, { verifier, agentVerifier, live, trusted, onRefusal }) => {
    app.addHook('onRoute', ({ url, config }) => {
      if (proves(config?.access) && config?.states === undefined)
        throw new Error(`the route ${url} does not say in which states it serves a runner`);
    });

    app.decorateRequest('identity', {
      getter(this: FastifyRequest): Identity {
        const identity = (this as WithIdentity)[IDENTITY];
        if (identity === undefined) throw new Error('this route asks for no token, so it has no identity');
        return identity;
      },
    });

    app.decorateRequest('caller', {
      getter(this: FastifyRequest): Caller {
        return (this as WithIdentity)[VISITOR] ?? this.identity;
      },
    });

    const recognize: Recognize = (authorization, { states }) => {
      try {
        const claims = verifier.remembered(bearerToken(authorization));
        const token = claims && live.watched(claims);
        return claims && token && isServed(states, token) ? { claims, token } : undefined;
      } catch {
        return undefined;
      }
    };
    app.decorate('recognize', recognize);

    async function identify(claims: RuntimeClaims | Promise<RuntimeClaims>): Promise<Identity> {
      const known = await claims;
      return { claims: known, token: await live.check(known) };
    }

    // A callback instead of an async hook: with the signature known and the watch alive, which is nearly always,
    // nothing here waits, and a promise per request would be a tenth of the request's cost.
    app.addHook('onRequest', (request: WithIdentity, _reply, done) => {
      const { access, states, issuers, lockLost } = request.routeOptions.config;
      if (request.is404 || !proves(access)) {
        done();
        return;
      }
      const accept = (identity: Identity): void => {
        if (isServed(states, identity.token)) {
          request[IDENTITY] = identity;
          done();
          return;
        }
        // The report that would let it in may have been taken by another replica a moment ago.
        live.recheck(identity.claims).then((token) => {
          request[IDENTITY] = { claims: identity.claims, token };
          if (isServed(states, token)) done();
          else done(wrongState(states, standingOf(token)));
        }, refuse);
      };
      const refuse = (error: unknown): void => {
        // Whatever fails while a token is checked refuses it: fail closed.
        const refusal = error instanceof TokenRefused ? error.refusal : 'unverifiable';
        onRefusal(refusal);
        request.log.info(
          { reqId: request.id, refusal, ...(error instanceof TokenRefused ? {} : { err: error }) },
          'token refused',
        );
        done(lockLost !== undefined && LOCK_LOST.has(refusal) ? lockLost() : unauthorized(refusal));
      };
      const receive = (visitor: Visitor): void => {
        request[VISITOR] = visitor;
        if (states?.includes(visitor.standing)) done();
        else done(wrongState(states, visitor.standing));
      };
      try {
        const raw = bearerToken(request.headers.authorization);
        const check = issuers === 'trusted' ? trusted?.of(raw) : undefined;
        if (check !== undefined) {
          check(raw).then(receive, refuse);
          return;
        }
        const claims = (access === 'agent' ? agentVerifier : verifier).verify(raw);
        const token = claims instanceof Promise ? undefined : live.check(claims);
        if (claims instanceof Promise) identify(claims).then(accept, refuse);
        else if (token instanceof Promise) token.then((held) => accept({ claims, token: held }), refuse);
        else if (token !== undefined) accept({ claims, token });
      } catch (error) {
        refuse(error);
      }
    });
  },
  { name: 'harrier-authenticate', fastify: '5.x', dependencies: ['harrier-problems'] },
);

function proves(access: Access = 'runner'): boolean {
  return access === 'runner' || access === 'agent';
}

/** 401 with the challenge of RFC 6750 section 3; a request without any token gets no error code there. */
export function unauthorized(refusal: Refusal): Problem {
  const challenge =
    refusal === 'missing' ? 'Bearer realm="harrier"' : 'Bearer realm="harrier", error="invalid_token"';
  const detail =
    refusal === 'missing'
      ? 'Send the token as Authorization: Bearer …'
      : 'The token is not acceptable; the log says why.';
  return problem('unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}
