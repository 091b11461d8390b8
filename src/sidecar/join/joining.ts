import type { ServerResponse } from 'node:http';
import type { Answer } from '../call_once.ts';
import type { Handler } from '../handlers.ts';
import type { Log } from '../log.ts';
import { Refused, unavailable } from '../refusal.ts';
import { sendAnswer, sendRefusal } from '../send_answer.ts';
import type { FetchJoinOptions } from './fetch_join.ts';
import type { JoinFolder } from './join_folder.ts';

export interface JoiningOptions {
  folder: JoinFolder;
  /** Asks the api; see fetch_join.ts. */
  fetch(onPutOff: FetchJoinOptions['onPutOff']): Promise<Answer>;
  log: Log;
}

/** How the runner comes to what it joins its forge with: from the api by this sidecar to the join container, once. */
export interface Joining {
  /** Asks the api, and resolves once the material was handed out. To be called when the api knows the runner. */
  install(): Promise<void>;
  /** Takes away what is left in the folder; to be called when the runner is past joining. */
  tidy(): void;
  /**
   * `GET /v1/runner/join?wait=<seconds>` on loopback: the api's answer, 503 when it has not come in time, and 409 for
   * everyone after the one who got it.
   */
  readonly handler: Handler;
}

/** What a request may wait at most, and waits when it doesn't say, in seconds. */
const LONGEST_WAIT = 300;
const USUAL_WAIT = 20;

export function createJoining({ folder, fetch, log }: JoiningOptions): Joining {
  const material = Promise.withResolvers<Answer>();
  const done = Promise.withResolvers<void>();
  /** Somebody has it, or waits for it. */
  let taken = false;
  let tidied = false;
  let putOff = 'the api has not answered yet';

  async function handOut(response: ServerResponse, waitMs: number): Promise<void> {
    const gone = Promise.withResolvers<undefined>();
    response.once('close', () => gone.resolve(undefined));
    const timer = setTimeout(gone.resolve, waitMs, undefined);
    const answer = await Promise.race([material.promise, gone.promise]);
    clearTimeout(timer);
    if (answer === undefined || response.destroyed) {
      taken = false;
      if (!response.destroyed) sendRefusal(response, unavailable(putOff));
      return;
    }
    if (answer.status >= 300) {
      taken = false;
      sendAnswer(response, answer);
      return;
    }
    // Noted first: whatever breaks off from here on, nobody else gets it.
    folder.mark();
    sendAnswer(response, answer);
    await new Promise<void>((resolve) => response.once('close', resolve));
    const arrived = response.writableFinished;
    answer.body.fill(0);
    log(arrived ? 'info' : 'warn', arrived ? 'join material handed out' : 'join material lost on its way');
    if (arrived) done.resolve();
  }

  return {
    async install() {
      if (folder.handedOut) return;
      material.resolve(
        await fetch((code, detail) => {
          putOff = `${code}: ${detail}`;
        }),
      );
      await done.promise;
    },
    tidy() {
      if (tidied) return;
      tidied = true;
      void folder.empty();
    },
    async handler({ request, response, query }) {
      if (request.method !== 'GET') return sendRefusal(response, nothingHere());
      if (taken || folder.handedOut) return sendRefusal(response, handedOutAlready());
      const wait = Number(query.get('wait') ?? USUAL_WAIT);
      if (!(wait >= 0 && wait <= LONGEST_WAIT)) return sendRefusal(response, badWait());
      taken = true;
      await handOut(response, wait * 1000);
    },
  };
}

function nothingHere(): Refused {
  return new Refused('not-found', 404, 'there is nothing here: ask GET /v1/runner/join');
}

function badWait(): Refused {
  return new Refused('bad-request', 400, `wait is a number of seconds, ${LONGEST_WAIT} at most`);
}

function handedOutAlready(): Refused {
  return new Refused(
    'join-handed-out',
    409,
    'what the runner joins its forge with was handed out, or is being waited for',
  );
}
