/** Where in the pod's network stands what a pod reaches outside of it. */
export const API_PORT = 8080;
export const GITHUB_ADDRESS = '127.0.0.2';
