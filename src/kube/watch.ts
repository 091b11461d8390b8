import { z } from 'zod';
import type { AccessSource } from './access.ts';
import { broken, KubeError, type RequestName, readStatus, refusal } from './errors.ts';
import { lineSplitter } from './lines.ts';
import { malformed } from './malformed.ts';
import { type KubeRequest, parse, requestOptions } from './transport.ts';
import type { Kind, KubeObject, WatchEvent } from './types.ts';

const envelope = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.looseObject({}),
});
const bookmark = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string().min(1) }) });

/**
 * Reads one watch to its end, handing each event on in the moment its line is complete. Resolves when the server ends
 * the stream between two lines; throws KubeError on a refusal, an ERROR event, a line that is no event (`malformed`)
 * or a broken stream (`transient`), and the signal's reason when aborted.
 */
export async function readWatch<T extends KubeObject>(
  source: AccessSource,
  kind: Kind<T>,
  request: KubeRequest & { signal: AbortSignal },
  onOpen: () => void,
  onEvent: (event: WatchEvent<T>) => void,
): Promise<void> {
  const { name, signal } = request;
  const access = await source.current();
  let failure: unknown;
  const splitter = lineSplitter((line) => onEvent(readEvent(kind, name, line)));
  try {
    // The informer, which knows when to expect a bookmark, decides how long a silence is too long.
    const answer = await access.watches.request(requestOptions(access, request, { headers: 0, body: 0 }));
    if (answer.statusCode !== 200) {
      const text = await answer.body.text();
      if (answer.statusCode === 401) await source.current(true);
      failure = refusal(name, answer.statusCode, readStatus(parse(text)));
    } else {
      onOpen();
      for await (const chunk of answer.body) splitter.push(chunk as Buffer);
      if (splitter.unfinished > 0) failure = new Error('the stream ended within a line');
    }
  } catch (cause) {
    failure = cause;
  }
  signal.throwIfAborted();
  if (failure === undefined || failure instanceof KubeError) {
    if (failure !== undefined) throw failure;
    return;
  }
  throw broken(name, failure);
}

function readEvent<T extends KubeObject>(kind: Kind<T>, name: RequestName, line: string): WatchEvent<T> {
  const parsed = envelope.safeParse(parse(line));
  if (!parsed.success) throw new KubeError('malformed', name, 'a line of the watch is no event');
  const { type, object } = parsed.data;
  if (type === 'ERROR') {
    const status = readStatus(object);
    throw refusal(name, status.code ?? 500, status);
  }
  if (type === 'BOOKMARK') {
    const mark = bookmark.safeParse(object);
    if (!mark.success) throw new KubeError('malformed', name, 'a bookmark has no resourceVersion');
    return { type, resourceVersion: mark.data.metadata.resourceVersion };
  }
  try {
    return { type, object: kind.parse(object) };
  } catch (cause) {
    const found = malformed(object, cause);
    if (found === undefined) throw new KubeError('malformed', name, 'an event has no readable metadata');
    return { type: type === 'DELETED' ? 'MALFORMED_DELETED' : 'MALFORMED', object: found };
  }
}
