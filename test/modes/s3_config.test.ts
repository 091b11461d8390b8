import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../../src/modes/environment.ts';
import { s3Config, s3Options } from '../../src/modes/s3_config.ts';

const read = (env: Record<string, string>) => s3Options(readEnvironment(s3Config, env));

describe('the configuration of S3', () => {
  test.each([
    ['nothing', {}],
    ["a chart's empty bucket", { HARRIER_S3_BUCKET: '', HARRIER_S3_REGION: 'eu-west-1' }],
  ])('is none with %s', (_what, env) => {
    expect(read(env)).toBeUndefined();
  });

  test('needs the bucket alone, and then takes the SDK for credentials', () => {
    expect(read({ HARRIER_S3_BUCKET: 'cache' })).toMatchObject({
      bucket: 'cache',
      region: 'us-east-1',
      prefix: 'harrier/',
      pathStyle: false,
      conditionalWrites: true,
      credentials: undefined,
    });
  });

  test("reads the chart's words", () => {
    const options = read({
      HARRIER_S3_BUCKET: 'cache',
      HARRIER_S3_ENDPOINT: 'https://s3.example.com:9000',
      HARRIER_S3_PATH_STYLE: 'true',
      HARRIER_S3_CONDITIONAL_WRITES: 'false',
      HARRIER_S3_ACCESS_KEY_ID_FILE: '/a',
      HARRIER_S3_SECRET_ACCESS_KEY_FILE: '/b',
    });
    expect(options).toMatchObject({ pathStyle: true, conditionalWrites: false });
    expect(options?.credentials).toEqual({ accessKeyIdFile: '/a', secretAccessKeyFile: '/b' });
  });

  test.each([
    ['half of the credentials', { HARRIER_S3_ACCESS_KEY_ID_FILE: '/a' }, /go together/],
    ['an endpoint that is no URL', { HARRIER_S3_ENDPOINT: 'minio' }, /HARRIER_S3_ENDPOINT/],
    ['a prefix without its slash', { HARRIER_S3_PREFIX: 'a' }, /HARRIER_S3_PREFIX/],
    ['a prefix that leads out', { HARRIER_S3_PREFIX: '/a/' }, /HARRIER_S3_PREFIX/],
  ])('refuses %s', (_what, env, said) => {
    expect(() => read({ HARRIER_S3_BUCKET: 'cache', ...env })).toThrow(said);
  });
});
