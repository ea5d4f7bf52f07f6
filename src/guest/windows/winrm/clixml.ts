import { attributeOf, childrenOf, parseXml } from '../../../platform/xml.ts';

const MARK = '#< CLIXML';
const DOCUMENT = /<Objs[\s>].*?<\/Objs>/gs;

/**
 * What PowerShell says on its standard error, as text: it writes CLIXML there, in which errors stand between records of
 * progress and warnings (MS-PSRP 2.2.5). Other programs' words stay as they are.
 */
export function errorText(stderr: Buffer): string {
  const said = stderr.toString('utf8');
  if (!said.includes(MARK)) return said;
  return said.replaceAll(new RegExp(`${MARK}\\r?\\n?`, 'g'), '').replaceAll(DOCUMENT, errorsIn);
}

/** The errors of one document; one that cannot be read stays as it is. */
function errorsIn(document: string): string {
  try {
    const errors = childrenOf(parseXml(document), 'S').filter((item) => attributeOf(item, 'S') === 'Error');
    return errors.map(({ text }) => unescaped(text)).join('');
  } catch {
    return document;
  }
}

/** Characters that XML does not carry are written as `_x000D_`, and an underscore that looks like one as `_x005F_`. */
const unescaped = (text: string): string =>
  text.replaceAll(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
