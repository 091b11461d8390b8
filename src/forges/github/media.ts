/** https://docs.github.com/en/rest/about-the-rest-api/api-versions */
export const MEDIA: Readonly<Record<string, string>> = {
  accept: 'application/vnd.github+json',
  'x-github-api-version': '2022-11-28',
};
