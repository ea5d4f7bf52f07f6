import type { DiskshadowLanguage } from './shadow-copies.ts';

/** What `diskshadow` and `vssadmin` say of shadow copies and writers. */
export interface DiskshadowTexts {
  alias(name: string, kind: 'copy' | 'set', id: string): string;
  copy: string;
  set: string;
  original: string;
  device: string;
  failed: string;
  hresult: string;
  errorText: string;
  notIncluded(writer: string): string;
  excluded(component: string, writer: string, where: string): string;
  /** A writer of `vssadmin list writers`, in its five lines. */
  writer(writer: {
    readonly name: string;
    readonly id: string;
    readonly instance: string;
    readonly state: number;
  }): readonly string[];
}

const STATES = [
  'Unknown',
  'Stable',
  'Waiting for freeze',
  'Frozen',
  'Waiting for post snapshot',
  'Waiting for completion',
];

/** English as field reports have it. Of other languages only the shape is known: their words here are the lab's own. */
export const TEXTS: Readonly<Record<DiskshadowLanguage, DiskshadowTexts>> = {
  english: {
    alias: (name, kind, id) =>
      `Alias ${name} for shadow ${kind === 'set' ? 'set ' : ''}ID {${id}} set as environment variable.`,
    copy: 'Shadow copy ID',
    set: 'Shadow copy set',
    original: 'Original volume name',
    device: 'Shadow copy device name',
    failed: 'The last operation failed.',
    hresult: 'Returned HRESULT: ',
    errorText: 'Error text: ',
    notIncluded: (writer) => `Writer ${writer} is not included in the shadow copy set.`,
    excluded: (component, writer, where) =>
      `Component "${component}" from writer "${writer}" is excluded from backup, because it requires volume ${where} which is not in the shadow copy set.`,
    writer: ({ name, id, instance, state }) => [
      `Writer name: '${name}'`,
      `   Writer Id: {${id}}`,
      `   Writer Instance Id: {${instance}}`,
      `   State: [${state}] ${STATES[state] ?? 'Failed'}`,
      `   Last error: ${state > 5 ? 'Non-retryable error' : 'No error'}`,
    ],
  },
  german: {
    alias: (name, kind, id) =>
      `Der Alias "${name}" für die ${kind === 'set' ? 'Schattenkopiesatz' : 'Schattenkopie'}-ID {${id}} wurde als Umgebungsvariable festgelegt.`,
    copy: 'Schattenkopie-ID',
    set: 'Schattenkopiesatz',
    original: 'Ursprünglicher Volumename',
    device: 'Name des Schattenkopiegeräts',
    failed: 'Fehler beim letzten Vorgang.',
    hresult: 'Zurückgegebenes HRESULT: ',
    errorText: 'Fehlertext: ',
    notIncluded: (writer) => `Der Verfasser ${writer} gehört nicht zum Schattenkopiesatz.`,
    excluded: (component, writer, where) =>
      `Die Komponente "${component}" des Verfassers "${writer}" wird nicht gesichert, da sie das Volume ${where} benötigt.`,
    writer: ({ name, id, instance, state }) => [
      `Verfassername: "${name}"`,
      `   Verfasserkennung: {${id}}`,
      `   Verfasserinstanzkennung: {${instance}}`,
      `   Status: [${state}] ${state === 1 ? 'Stabil' : 'Fehler'}`,
      `   Letzter Fehler: ${state > 5 ? 'Nicht wiederholbarer Fehler' : 'Kein Fehler'}`,
    ],
  },
  french: {
    alias: (name, kind, id) =>
      `L'alias ${name} pour l'ID ${kind === 'set' ? 'du jeu de clichés' : 'du cliché'} {${id}} est défini comme variable d'environnement.`,
    copy: 'ID du cliché instantané',
    set: 'Jeu de clichés instantanés',
    original: "Nom du volume d'origine",
    device: 'Nom du périphérique du cliché',
    failed: 'La dernière opération a échoué.',
    hresult: 'HRESULT renvoyé : ',
    errorText: "Texte d'erreur : ",
    notIncluded: (writer) => `Le rédacteur ${writer} n'est pas inclus dans le jeu de clichés.`,
    excluded: (component, writer, where) =>
      `Le composant « ${component} » du rédacteur « ${writer} » est exclu, car il requiert le volume ${where}.`,
    writer: ({ name, id, instance, state }) => [
      `Nom du rédacteur : « ${name} »`,
      `   ID du rédacteur : {${id}}`,
      `   ID d'instance du rédacteur : {${instance}}`,
      `   État : [${state}] ${state === 1 ? 'Stable' : 'Échec'}`,
      `   Dernière erreur : ${state > 5 ? 'Erreur non renouvelable' : "Pas d'erreur"}`,
    ],
  },
};

/** Letters beyond ASCII in code page 850, as a console of western Europe writes them. */
const CP850: Readonly<Record<string, number>> = {
  ü: 0x81,
  é: 0x82,
  ä: 0x84,
  è: 0x8a,
  É: 0x90,
  ö: 0x94,
  '«': 0xae,
  '»': 0xaf,
};

export const inOemCodePage = (text: string): Buffer =>
  Buffer.from([...text].map((character) => CP850[character] ?? (character < '\x80' ? character.charCodeAt(0) : 0x3f)));
