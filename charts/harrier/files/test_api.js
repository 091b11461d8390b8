// Tries for a minute: the api may still be waiting for the first keys when `helm test` follows the install.
const { HARRIER_API_URL: api, HARRIER_ISSUER: issuer } = process.env;

async function json(path) {
  const answer = await fetch(new URL(path, api), { signal: AbortSignal.timeout(5_000) });
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

async function check() {
  const ready = await fetch(new URL('/readyz', api), { signal: AbortSignal.timeout(5_000) });
  if (!ready.ok) throw new Error(`GET /readyz answered ${ready.status}: ${await ready.text()}`);
  const { keys } = await json('/.well-known/jwks.json');
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('no signing key is published');
  const secret = keys.find((key) => 'd' in key);
  if (secret !== undefined) throw new Error(`the private part of key ${secret.kid} is published`);
  const discovery = await json('/.well-known/openid-configuration');
  if (discovery.issuer !== issuer)
    throw new Error(`discovery names the issuer ${discovery.issuer}, the chart ${issuer}`);
  const stranger = await fetch(new URL('/v1/runner', api), { signal: AbortSignal.timeout(5_000) });
  if (stranger.status !== 401) throw new Error(`GET /v1/runner without a token answered ${stranger.status}`);
  return `${api} is ready and publishes ${keys.length} key(s) of ${issuer}; without a token it answers 401`;
}

const until = Date.now() + 60_000;
for (;;) {
  try {
    console.log(await check());
    break;
  } catch (error) {
    if (Date.now() > until) throw error;
    console.log(`not yet: ${error.message}${error.cause ? ` (${error.cause.message})` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
