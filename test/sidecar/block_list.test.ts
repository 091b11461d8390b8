import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBlockList, resolveBlockList } from '../../src/sidecar/block_list.ts';

const ids = (xml: string) => parseBlockList(xml).map(({ id }) => id);

describe('the block list', () => {
  it.each([
    ['empty', '<BlockList/>', []],
    [
      'empty with a declaration',
      '\uFEFF<?xml version="1.0" encoding="utf-8"?>\n<BlockList></BlockList>\n',
      [],
    ],
    ['with a namespace', '<BlockList xmlns="x"><Latest>QQ==</Latest></BlockList>', ['QQ==']],
    [
      'of all three kinds',
      '<BlockList><Latest>a</Latest> <Committed>b</Committed>\n<Uncommitted>c</Uncommitted></BlockList>',
      ['a', 'b', 'c'],
    ],
    ['with references', '<BlockList><Latest>a&amp;&lt;&#x41;&#66;</Latest></BlockList>', ['a&<AB']],
  ])('%s', (_what, xml, expected) => {
    expect(ids(xml)).toEqual(expected);
  });

  it.each([
    ['nothing', ''],
    ['another root', '<Blocks/>'],
    ['another element', '<BlockList><Earliest>a</Earliest></BlockList>'],
    ['text between', '<BlockList>x<Latest>a</Latest></BlockList>'],
    ['an element that is not closed', '<BlockList><Latest>a</BlockList>'],
    ['elements that cross', '<BlockList><Latest>a</Committed></BlockList>'],
    ['nested elements', '<BlockList><Latest><Latest>a</Latest></Latest></BlockList>'],
    ['a document type', '<!DOCTYPE a><BlockList/>'],
    ['text after', '<BlockList/>x'],
  ])('refuses %s', (_what, xml) => {
    expect(() => parseBlockList(xml)).toThrow('not valid XML');
  });

  it('gives back any ids in their order, and never anything but ids or a refusal', () => {
    const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    fc.assert(
      fc.property(fc.array(fc.base64String({ minLength: 1 })), (list) => {
        const xml = `<BlockList>${list.map((id) => `<Latest>${escaped(id)}</Latest>`).join('\n')}</BlockList>`;
        expect(ids(xml)).toEqual(list);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseBlockList(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidXmlDocument' });
        }
      }),
    );
  });

  it('finds blocks where the list says', () => {
    const old = { parts: [1], crc32: [0], size: 1 };
    const fresh = { parts: [2], crc32: [0], size: 2 };
    const upload = {
      staged: new Map([['a', fresh]]),
      committed: new Map([
        ['a', old],
        ['b', old],
      ]),
    };
    const find = (xml: string) => resolveBlockList(parseBlockList(`<BlockList>${xml}</BlockList>`), upload);
    expect(
      find('<Latest>a</Latest><Committed>a</Committed><Latest>b</Latest>').map(({ block }) => block),
    ).toEqual([fresh, old, old]);
    expect(() => find('<Uncommitted>b</Uncommitted>')).toThrow('not uploaded');
    expect(() => find('<Committed>c</Committed>')).toThrow('not uploaded');
  });
});
