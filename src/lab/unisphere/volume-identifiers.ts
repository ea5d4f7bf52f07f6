import { type Fields, numberOf, requiredText, textOf } from './lenient-fields.ts';
import { malformed } from './messages.ts';

const MAX_LENGTH = 64;

export type WantedIdentifier =
  | { readonly choice: 'none' }
  | { readonly choice: 'identifier_name'; readonly name: string }
  | { readonly choice: 'identifier_name_plus_volume_id'; readonly name: string }
  | { readonly choice: 'identifier_name_plus_append_number'; readonly name: string; readonly first: number };

/** `{"volumeIdentifierChoice": ..., "identifier_name": ..., "append_number": ...}` */
export function parseIdentifier(fields: Fields): WantedIdentifier {
  const choice = requiredText(fields, 'volumeIdentifierChoice').toLowerCase();
  if (choice === 'none') return { choice };
  const name = requiredText(fields, 'identifier_name');
  if (name.length > MAX_LENGTH) throw malformed(`The identifier name is longer than ${MAX_LENGTH} characters`);
  if (choice === 'identifier_name' || choice === 'identifier_name_plus_volume_id') return { choice, name };
  if (choice === 'identifier_name_plus_append_number')
    return { choice, name, first: numberOf(fields, 'append_number') ?? 0 };
  throw malformed(`The volumeIdentifierChoice ${textOf(fields, 'volumeIdentifierChoice')} is not valid`);
}

/** The identifier of the `position`th volume of one request. The same name for several devices is legal. */
export function identifierFor(wanted: WantedIdentifier, device: string, position: number): string | undefined {
  if (wanted.choice === 'none') return undefined;
  if (wanted.choice === 'identifier_name_plus_volume_id') return `${wanted.name}${device}`;
  if (wanted.choice === 'identifier_name_plus_append_number') return `${wanted.name}${wanted.first + position}`;
  return wanted.name;
}
