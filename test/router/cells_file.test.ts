import { describe, expect, test } from 'vitest';
import { CellsFileRefused, parseCellsFile } from '../../src/router/cells_file.ts';

describe('the cells file', () => {
  test('names cells by number or name, and perhaps a default', () => {
    const file = {
      cells: { '1': { url: 'http://harrier-api.cell-1.svc' }, 'eu-west': { url: 'https://eu.example:8443' } },
      default: '1',
    };
    expect(parseCellsFile(JSON.stringify(file))).toEqual(file);
    const { default: _, ...without } = file;
    expect(parseCellsFile(JSON.stringify(without))).toEqual(without);
  });

  test.each<[what: string, text: string, said: RegExp]>([
    ['no JSON', '{"cells": hrt_secret', /^the file is no JSON$/],
    ['an empty file', '', /no JSON/],
    ['no object', '[]', /expected object/],
    ['no cells', '{}', /^cells: /],
    ['an empty table', '{"cells":{}}', /^cells: must name a cell/],
    ['a name of other characters', '{"cells":{"a b":{"url":"http://a"}}}', /^cells\.a b: /],
    ['a name that every object has', '{"cells":{"__proto__":{"url":"http://a"}}}', /^cells/],
    ['no url', '{"cells":{"1":{}}}', /^cells\.1\.url: /],
    [
      'a url of something else',
      '{"cells":{"1":{"url":"ftp://a"}}}',
      /^cells\.1\.url: must be an http or https/,
    ],
    ['a path', '{"cells":{"1":{"url":"http://a/b"}}}', /^cells\.1\.url: /],
    ['a query', '{"cells":{"1":{"url":"http://a?b"}}}', /^cells\.1\.url: /],
    ['a password', '{"cells":{"1":{"url":"http://a:b@c"}}}', /^cells\.1\.url: /],
    ['a misspelt field', '{"cells":{"1":{"url":"http://a","weight":1}}}', /^cells\.1: .*weight/],
    ['a field beside', '{"cells":{"1":{"url":"http://a"}},"defualt":"1"}', /defualt/],
    [
      'a default that is no cell',
      '{"cells":{"1":{"url":"http://a"}},"default":"2"}',
      /^default: must be one/,
    ],
    ['two faults', '{"cells":{"1":{},"2":{"url":1}}}', /cells\.1\.url: .*; cells\.2\.url: /],
  ])('refuses %s and says where', (_, text, said) => {
    const parse = () => parseCellsFile(text);
    expect(parse).toThrow(CellsFileRefused);
    expect(parse).toThrow(said);
    expect(parse).not.toThrow(/hrt_secret/);
  });
});
