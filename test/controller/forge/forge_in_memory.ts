import type { ForgeOptions } from '../../../src/controller/forge/forges.ts';
import type { Forge, ForgeRunner, ForgeSettings } from '../../../src/forges/forge.ts';
import { ForgeError } from '../../../src/forges/forge_error.ts';

type Asked = 'join' | 'list' | 'remove' | 'queued';

/**
 * A forge that is no real one: its records are in this process. What it says and does stands in the interface's own
 * words, so that a test sees the controller alone; what it is told is believed, as real ones believe it.
 */
export class ForgeInMemory implements ForgeOptions {
  readonly namePrefix: string;
  records: ForgeRunner[] = [];
  queue: number | undefined = 0;
  /** What it answers to all or to one sort of question, instead of what it should. */
  failure: ForgeError | undefined;
  readonly failures = new Map<Asked, ForgeError>();
  /** All that it was asked, in order. */
  readonly asked: Asked[] = [];
  /** What adapters were made from, in order. */
  readonly opened: ForgeSettings[] = [];
  private made = 0;

  constructor(namePrefix = 'harrier') {
    this.namePrefix = namePrefix;
  }

  open = (settings: ForgeSettings): Forge => {
    this.opened.push(settings);
    if (settings.secret.token === undefined)
      throw new ForgeError('CredentialsInvalid', 'the Secret has no key token');
    return {
      join: async ({ name }) => {
        this.ask('join');
        this.made += 1;
        const record = { id: String(this.made), name };
        this.records.push({ ...record, state: 'Offline' });
        return { record, files: { 'runner.json': `secret-of-${name}-${this.made}` } };
      },
      list: async (namePrefix) => {
        this.ask('list');
        return this.records.filter((one) => one.name.startsWith(namePrefix)).map((one) => ({ ...one }));
      },
      remove: async (id) => {
        this.ask('remove');
        if (this.records.find((one) => one.id === id)?.state === 'Busy')
          throw new ForgeError('Refused', 'the runner is busy');
        this.records = this.records.filter((one) => one.id !== id);
      },
      queued: async () => {
        this.ask('queued');
        return this.queue;
      },
      details: () => ({ kind: 'in memory' }),
      close: async () => undefined,
    };
  };

  /** The runner of this record connects, gets a job, or is done. */
  become(name: string, state: ForgeRunner['state'] | 'Gone'): void {
    this.records =
      state === 'Gone'
        ? this.records.filter((one) => one.name !== name)
        : this.records.map((one) => (one.name === name ? { ...one, state } : one));
  }

  private ask(what: Asked): void {
    this.asked.push(what);
    const failure = this.failure ?? this.failures.get(what);
    if (failure !== undefined) throw failure;
  }
}
