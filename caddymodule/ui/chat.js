import'./chat-5S4HCY4N.js';import'./chunk-XC336Z3B.js';
