/** A cache with so many small entries, `npm-linux-0` and on, so that a look-up has something to look through. */
export async function fill(url: string, headers: Record<string, string>, entries: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < entries) await save(url, headers, `npm-linux-${next++}`);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

/** Ten saves a second, each of which changes what look-ups find. */
export function saveWithPauses(url: string, headers: Record<string, string>) {
  let stopped = false;
  const saving = (async () => {
    for (let index = 0; !stopped; index++) {
      await save(url, headers, `other-${index}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    stop: () => {
      stopped = true;
      return saving;
    },
  };
}

async function save(url: string, headers: Record<string, string>, key: string): Promise<void> {
  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const { uploadId } = await post('/v1/cache/uploads', { key, version: 'abcd' });
  const answer = await post(`/v1/cache/uploads/${uploadId}/parts`, { parts: [{ number: 1, sizeBytes: 4 }] });
  const [part] = answer.parts as { url: string }[];
  const stored = await fetch(new URL(part?.url ?? '', url), { method: 'PUT', body: 'four' });
  if (!stored.ok) throw new Error(`part: ${stored.status} ${await stored.text()}`);
  await post(`/v1/cache/uploads/${uploadId}/commit`, { sizeBytes: 4, parts: [1] });
}
