/** The serial of one disk is written with and without dashes, blanks and upper case. */
export const plainSerial = (diskUuid: string): string => diskUuid.toLowerCase().replace(/[\s-]/g, '');
