/** Names of the files of a join folder: apart from the schema, for those who load no zod. */
export const JOIN_FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
