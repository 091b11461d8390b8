import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import type { Given, Io, Option } from '../command.ts';
import { Failed, UsageError } from '../failure.ts';

/** Options of every command that talks to the api. A token is never an argument: those every user of the machine sees. */
export const API_OPTIONS = {
  api: { type: 'string', value: 'URL', help: 'where the api is; by default HARRIER_API_URL' },
  'token-file': {
    type: 'string',
    value: 'FILE',
    help: 'file with the token; by default HARRIER_TOKEN_FILE, else the token itself in HARRIER_TOKEN',
  },
} as const satisfies Record<string, Option>;

/** The api won't do it. */
export class Refused extends Failed {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Asked {
  method?: 'GET' | 'POST' | 'DELETE';
  path: string;
  query?: Record<string, string | undefined>;
}

/** The api, asked with the token of whoever runs the command. */
export interface AskedApi {
  /** Throws Failed with the api's own words when it refuses, or answers what it should not. */
  ask<T>(asked: Asked, answer: z.ZodType<T>): Promise<T>;
}

export async function openApi(given: Given, io: Io): Promise<AskedApi> {
  const base = urlOf(given.text('api') ?? io.env.HARRIER_API_URL);
  const token = await tokenOf(given, io);
  if (base.protocol === 'http:' && !isNear(base.hostname))
    io.note(`The token goes to ${base.host} in the clear: https is safer.\n`);
  return {
    async ask({ method = 'GET', path, query = {} }, answer) {
      const url = new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
      for (const [name, value] of Object.entries(query))
        if (value !== undefined) url.searchParams.set(name, value);
      const { status, body } = await send(url, method, token, io.signal);
      if (status >= 400) throw new Refused(status, refusalText(status, body));
      const read = answer.safeParse(body);
      if (!read.success) throw new Failed(`${base.host} answers what no api of this version does`);
      return read.data;
    },
  };
}

async function send(url: URL, method: string, token: string, signal: AbortSignal) {
  let answer: Response;
  try {
    // Not followed: a token goes to the place that was named, and nowhere else.
    answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal,
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : parsed(text) };
  } catch (error) {
    if (signal.aborted) throw new Failed('interrupted');
    const { cause } = error as Error;
    const why = cause instanceof Error ? cause.message : (error as Error).message;
    throw new Failed(`${url.host} does not answer: ${why}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusalText(status: number, body: unknown): string {
  const { detail } = (body ?? {}) as { detail?: unknown };
  return typeof detail === 'string' ? detail : `the api answers ${status}`;
}

function urlOf(text: string | undefined): URL {
  if (text === undefined || text === '')
    throw new UsageError('where is the api? Say it by --api or HARRIER_API_URL');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    throw new UsageError('--api is a URL such as https://harrier.example.com');
  return url;
}

async function tokenOf(given: Given, io: Io): Promise<string> {
  const file = given.text('token-file') ?? io.env.HARRIER_TOKEN_FILE;
  const text =
    file === undefined
      ? io.env.HARRIER_TOKEN
      : await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw new Failed(`the file of the token can't be read: ${error.code ?? error.message}`);
        });
  const token = text?.trim() ?? '';
  if (token === '')
    throw new UsageError(
      'there is no token: kubectl create token makes one, --token-file or HARRIER_TOKEN brings it',
    );
  // Else fetch would refuse it by quoting it.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Failed('what should be the token is none');
  return token;
}

/** On this machine, or inside the cluster, where pods have Services' names. */
function isNear(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host) || /(^|\.)svc(\.|$)/.test(host);
}
