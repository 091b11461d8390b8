/** Says what is being done and how far it is, at least every two seconds, on a terminal and in a log alike. */

/** A line on how far the step is; the newest one is shown with each beat. */
export type Note = (text: string) => void;

const BEAT_MS = 2000;

/** Runs one step under its title. Nothing is printed twice for a step that is done at once. */
export async function step<T>(title: string, work: (note: Note) => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  let latest = '';
  console.log(`▸ ${title}`);
  const beat = setInterval(() => {
    console.log(`  … ${latest === '' ? 'working' : latest} (${seconds()} s)`);
  }, BEAT_MS);
  try {
    const result = await work((text) => {
      latest = text;
    });
    console.log(`✓ ${title} (${seconds()} s)`);
    return result;
  } catch (error) {
    console.log(`✗ ${title} (${seconds()} s)`);
    throw error;
  } finally {
    clearInterval(beat);
  }
}
