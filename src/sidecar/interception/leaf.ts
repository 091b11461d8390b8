import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';

/** How often the files are looked at, in ms: kubelet itself takes a minute to bring a new certificate. */
const LOOK_MS = 5_000;

export interface Leaf {
  current: SecureContextOptions;
  stop(): void;
}

/**
 * The certificate that we show for the results service, and its key. Read anew as kubelet swaps them; what can't be
 * read or is no pair is not taken, since the one of before is then still the best there is. Throws where there is none
 * at first.
 */
export function followLeaf(
  folder: string,
  onChange: (leaf: SecureContextOptions) => void,
  everyMs = LOOK_MS,
): Leaf {
  const read = () => ({
    cert: readFileSync(join(folder, 'tls.crt'), 'utf8'),
    key: readFileSync(join(folder, 'tls.key'), 'utf8'),
  });
  let current = read();
  const timer = setInterval(() => {
    try {
      const found = read();
      if (found.cert === current.cert && found.key === current.key) return;
      // Throws unless the two belong together: they are two files, and may be of two versions.
      process.getBuiltinModule('node:tls').createSecureContext(found);
      current = found;
      onChange(found);
    } catch {
      // Looked at again.
    }
  }, everyMs).unref();
  return {
    get current() {
      return current;
    },
    stop: () => clearInterval(timer),
  };
}
