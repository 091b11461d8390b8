/** As much of a program's words as a message may hold. */
const MOST = 260;

/** What has the shape of a secret; each is replaced whole, or but for what it begins with. */
const SECRETS: readonly [RegExp, string][] = [
  // JWTs.
  [/ey[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, '[token]'],
  // Tokens that say what they are: GitHub's, GitLab's, Harrier's own.
  [/\b(gh[a-z]_|github_pat_|gl[a-z]{2,8}-|hr[a-z]{1,3}_)[\w.=-]{8,}/g, '[token]'],
  [/\b(bearer|basic|token)(\s+)[\w.~+/=-]{8,}/gi, '$1$2[token]'],
  [/(token|secret|password|passwd|api[_-]?key|private[_-]?key)("?\s*[=:]\s*"?)[^\s",;]+/gi, '$1$2[token]'],
  // The user of a URL.
  [/(\/\/)[^\s/@]+@/g, '$1[token]@'],
  // Any long word of letters and digits, as keys and encoded files are.
  [/(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{32,}/g, '[token]'],
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const TERMINAL = /\u001b\[[0-9;?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/**
 * A program's own words for a status or an event: the end of them, since that is where it says why, without what steers
 * a terminal, and without anything that has the shape of a secret: it may print what it likes.
 */
export function quote(words: string): string {
  const lines = words
    .replace(TERMINAL, '')
    .split('\n')
    .map((line) => SECRETS.reduce((text, [shape, by]) => text.replace(shape, by), line.trim()))
    .filter((line) => line !== '');
  const text = lines.join(' | ');
  return text.length <= MOST ? text : `…${text.slice(1 - MOST)}`;
}
