import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Forge, ForgeRunner, ForgeSettings } from '../forge.ts';
import { ForgeError } from '../forge_error.ts';
import type { ForgeHttp } from '../http/forge_http.ts';
import { signedHeaders, standardWebhookKey } from '../standard_webhook.ts';
import { unlessGone } from '../unless_gone.ts';
import { HOOK, type HookOperation } from './contract.ts';

/** 128 bits: fewer could be guessed. */
const LEAST_KEY_BYTES = 16;
/** A hook that never comes to its last page must not be asked for ever. */
const MOST_PAGES = 100;

/** A hook of the user's own: see contract.ts, and docs/forges_external.md for people who write one. */
export function openExternal(settings: ForgeSettings, http: ForgeHttp, now = () => new Date()): Forge {
  const { pool } = settings;
  const secret = requireKey(settings.secret.secret);

  async function ask<O extends HookOperation, T>(
    operation: O,
    answer: z.ZodType<T>,
    question: Omit<z.infer<(typeof HOOK)[O]['ask']>, 'pool'>,
    doing: string,
  ): Promise<T> {
    const body = { pool, ...question };
    const message = {
      id: `msg_${randomUUID()}`,
      timestamp: String(Math.floor(now().getTime() / 1000)),
      body: JSON.stringify(body),
    };
    const { value } = await http.call({
      method: 'POST',
      path: `/v1/${operation}`,
      headers: signedHeaders(message, secret),
      body,
      answer,
      doing,
      // Each of the four may be asked twice: the contract says so.
      repeatable: true,
    });
    return value;
  }

  return {
    async join({ name, labels }) {
      const answer = await ask(
        'join',
        HOOK.join.answer,
        { runner: { name, labels: [...labels] } },
        `make the record of runner ${name}`,
      );
      return { record: { id: answer.record.id, name }, files: answer.files };
    },

    async list(namePrefix) {
      const runners: ForgeRunner[] = [];
      let after: string | undefined;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const question = { namePrefix, ...(after === undefined ? {} : { after }) };
        const answer = await ask('list', HOOK.list.answer, question, 'list the runners');
        runners.push(...answer.runners.filter(({ name }) => name.startsWith(namePrefix)));
        after = answer.next;
        if (after === undefined) return runners;
      }
      throw new ForgeError('Unreadable', `the hook's list of runners has more than ${MOST_PAGES} pages`);
    },

    async remove(id) {
      await unlessGone(ask('remove', HOOK.remove.answer.optional(), { id }, `remove the record ${id}`));
    },

    async queued(labels) {
      const { queued } = await ask(
        'queued',
        HOOK.queued.answer,
        { labels: [...labels] },
        'count the jobs that wait',
      );
      return queued ?? undefined;
    },

    close: () => http.close(),
  };
}

function requireKey(secret: string | undefined): string {
  if (secret === undefined)
    throw new ForgeError(
      'CredentialsInvalid',
      'the Secret has no key "secret", with which requests are signed',
    );
  if (standardWebhookKey(secret).length < LEAST_KEY_BYTES)
    throw new ForgeError(
      'CredentialsInvalid',
      `the key "secret" of the Secret has fewer than ${LEAST_KEY_BYTES} bytes; make one with: openssl rand -hex 32`,
    );
  return secret;
}
