import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

interface Place {
  root: string;
  address: string;
  port: number;
  url: string;
  /** Over those below, by section. */
  more: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** app.ini of a Gitea that asks nothing of the outside and is quick to see that a runner is dead. */
export function giteaSettings({ root, address, port, url, more }: Place): string {
  const settings: Record<string, Record<string, string>> = {
    '': { APP_NAME: 'Gitea beside Harrier', RUN_MODE: 'prod', WORK_PATH: root },
    server: {
      HTTP_ADDR: address,
      HTTP_PORT: String(port),
      ROOT_URL: `${url}/`,
      STATIC_ROOT_PATH: join(root, 'static'),
      OFFLINE_MODE: 'true',
      DISABLE_SSH: 'true',
    },
    database: { DB_TYPE: 'sqlite3', PATH: join(root, 'data', 'gitea.db'), SQLITE_JOURNAL_MODE: 'WAL' },
    security: {
      INSTALL_LOCK: 'true',
      SECRET_KEY: randomBytes(32).toString('hex'),
      // Nobody guesses at a password that lives as long as a test.
      PASSWORD_HASH_ALGO: 'pbkdf2$1000$50',
    },
    service: { DISABLE_REGISTRATION: 'true' },
    actions: { ENABLED: 'true', DEFAULT_ACTIONS_URL: 'self', ZOMBIE_TASK_TIMEOUT: '1m' },
    'cron.stop_zombie_tasks': { ENABLED: 'true', RUN_AT_START: 'true', SCHEDULE: '@every 10s' },
    webhook: { ALLOWED_HOST_LIST: '*' },
    log: { MODE: 'console', LEVEL: 'Warn' },
  };
  for (const [section, values] of Object.entries(more))
    settings[section] = { ...settings[section], ...values };
  return Object.entries(settings)
    .map(([section, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
      return [...(section === '' ? [] : [`[${section}]`]), ...lines].join('\n');
    })
    .join('\n\n');
}
