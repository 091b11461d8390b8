// A forge of its own: it keeps a queue of shell jobs and gives each to one runner of a Harrier pool.
//
//   SECRET=… JOBS_TOKEN=… URL=http://forge.example.com:8700 node server.mjs
//
//   POST /harrier/v1/{join,list,remove,queued}   Harrier's hook, signed with SECRET
//   POST /jobs {script, labels}                  queues a job; GET /jobs/:id tells of it (Bearer JOBS_TOKEN)
//   POST /runner/job, /runner/result             the runners, each with the token it joined with
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { createForge, Refused } from './forge.mjs';
import { isFromHarrier, sign } from './signature.mjs';

const { SECRET, JOBS_TOKEN, PORT = '8700', HARRIER_WEBHOOK, WEBHOOK_SECRET } = process.env;
const { URL: url = `http://127.0.0.1:${PORT}` } = process.env;
if (!SECRET || !JOBS_TOKEN) throw new Error('SECRET and JOBS_TOKEN are needed');
const MOST_BYTES = 1024 * 1024;

const forge = createForge({ url, onQueued: tellHarrier });

/** So that Harrier asks at once, and not with its next poll. Nothing is lost if it never comes. */
function tellHarrier(job) {
  if (!HARRIER_WEBHOOK || !WEBHOOK_SECRET) return;
  const body = JSON.stringify({ job: job.id });
  const headers = {
    'content-type': 'application/json',
    ...sign(`msg_${randomUUID()}`, body, WEBHOOK_SECRET),
  };
  fetch(HARRIER_WEBHOOK, { method: 'POST', headers, body }).catch((error) => console.error(error.message));
}

async function answer(request, response) {
  const { method, headers } = request;
  const { pathname } = new globalThis.URL(request.url, url);
  if (Number(headers['content-length'] ?? 0) > MOST_BYTES) throw new Refused(413, 'too much');
  const body = await text(request);
  const [, area, name] = /^\/(harrier\/v1|jobs|runner)(?:\/([\w-]+))?$/.exec(pathname) ?? [];
  switch (`${method} ${area}`) {
    case 'POST harrier/v1':
      if (!isFromHarrier(headers, body, SECRET)) throw new Refused(401, 'the signature is wrong, or old');
      if (!Object.hasOwn(forge.hook, name)) throw new Refused(404, 'there is no such operation');
      return forge.hook[name](JSON.parse(body));
    case 'POST jobs':
      requireToken(headers);
      return forge.queue(JSON.parse(body));
    case 'GET jobs':
      requireToken(headers);
      return forge.job(name) ?? refuse(404, 'there is no such job');
    case 'POST runner':
      return ofRunner(name, forge.runnerOf(bearerOf(headers)), body, response);
  }
  throw new Refused(404, 'there is nothing here');
}

async function ofRunner(name, runner, body, response) {
  if (name === 'result') {
    forge.finish(runner, JSON.parse(body));
    return {};
  }
  response.once('close', () => {
    if (!response.writableEnded) forge.hungUp(runner);
  });
  return (await forge.nextJob(runner)) ?? refuse(410, 'this runner was removed');
}

const bearerOf = (headers) => (headers.authorization ?? '').replace(/^Bearer /, '');

function requireToken(headers) {
  if (bearerOf(headers) !== JOBS_TOKEN) throw new Refused(401, 'a bearer token is needed');
}

function refuse(status, message) {
  throw new Refused(status, message);
}

const server = createServer((request, response) => {
  const send = (status, type, value) =>
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(value));
  answer(request, response).then(
    (value) => send(200, 'application/json', value),
    (error) => {
      const { status = error instanceof SyntaxError ? 400 : 500, message } = error;
      if (status === 500) console.error(error);
      send(status, 'application/problem+json', { title: message, status });
    },
  );
});
// A runner waits for its job for as long as it takes.
server.requestTimeout = 0;
server.listen(Number(PORT), () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
