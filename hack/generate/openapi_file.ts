import { describedApi } from './described_api.ts';

/** The api's OpenAPI document, as the api itself serves it at /openapi.json. */
export async function openapiFile(): Promise<[path: string, text: string]> {
  return ['docs/openapi.json', `${JSON.stringify(await describedApi((app) => app.swagger()), null, 2)}\n`];
}
