/**
 * A step of a job that asks the results service itself, with the trust that its environment gives it. Arguments: JSON
 * of what to do. Prints the JSON of what came back.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';

export type Asked =
  | { do: 'post'; path: string; headers: string[]; body: string }
  /** Sends so many MiB in turns: each only when the one before has come back. */
  | { do: 'stream'; mebibytes: number }
  | { do: 'upgrade'; path: string; say: string }
  /** Whom the service shows itself as. */
  | { do: 'peer' };

export interface Came {
  /** Of the error, where none came back. */
  error?: string;
  status?: number;
  statusMessage?: string;
  headers?: string[];
  body?: string;
  sent?: string;
  received?: string;
  peer?: string;
}

const HOST = process.env.RESULTS_HOST ?? '';
const asked = JSON.parse(process.argv[2] ?? '{}') as Asked;
const came = await perform(asked).catch((error: NodeJS.ErrnoException) => ({
  error: error.code ?? error.message,
}));
process.stdout.write(JSON.stringify(came), () => process.exit(0));

function perform(one: Asked): Promise<Came> {
  switch (one.do) {
    case 'post':
      return post(one);
    case 'stream':
      return stream(one.mebibytes);
    case 'upgrade':
      return upgrade(one);
    case 'peer':
      return peer();
  }
}

function post({ path, headers, body }: Extract<Asked, { do: 'post' }>): Promise<Came> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: HOST, path, method: 'POST', headers: ['Host', HOST, ...headers] },
      (answer) => void told(answer).then(resolve, reject),
    );
    outgoing.once('error', reject);
    outgoing.end(Buffer.from(body, 'base64'));
  });
}

async function told(answer: IncomingMessage): Promise<Came> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return {
    status: answer.statusCode ?? 0,
    statusMessage: answer.statusMessage ?? '',
    headers: answer.rawHeaders,
    body: Buffer.concat(chunks).toString('base64'),
  };
}

async function stream(mebibytes: number): Promise<Came> {
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  const outgoing = request({ host: HOST, path: '/stream', method: 'POST' });
  const failed = new Promise<never>((_, reject) => outgoing.once('error', reject));
  const answered = new Promise<IncomingMessage>((resolve) => outgoing.once('response', resolve));
  let answer: AsyncIterator<Buffer> | undefined;
  for (let i = 0; i < mebibytes; i++) {
    const block = randomBytes(1024 * 1024);
    sent.update(block);
    outgoing.write(block);
    answer ??= (await Promise.race([answered, failed]))[Symbol.asyncIterator]();
    for (let back = 0; back < block.length; ) {
      const { value, done } = await answer.next();
      if (done) throw new Error('the answer ended before its time');
      received.update(value);
      back += value.length;
    }
  }
  outgoing.end();
  // To the answer's end: only then the other side has surely seen ours.
  while ((await answer?.next())?.done === false);
  return { sent: sent.digest('hex'), received: received.digest('hex') };
}

function upgrade({ path, say }: Extract<Asked, { do: 'upgrade' }>): Promise<Came> {
  return new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', authorization: 'Bearer of-the-job' };
    const outgoing = request({ host: HOST, path, headers });
    outgoing.once('error', reject);
    outgoing.once('response', (answer) => void told(answer).then(resolve, reject));
    outgoing.once('upgrade', (answer, socket) => {
      socket.write(say);
      socket.once('data', (back) => {
        socket.destroy();
        resolve({ status: answer.statusCode ?? 0, headers: answer.rawHeaders, body: String(back) });
      });
    });
    outgoing.end();
  });
}

function peer(): Promise<Came> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: HOST, path: '/', method: 'HEAD' }, (answer) => {
      resolve({ peer: (answer.socket as TLSSocket).getPeerCertificate().fingerprint256 });
      answer.resume();
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}
