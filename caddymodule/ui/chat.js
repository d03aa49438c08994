import'./chat-KXR22WND.js';import'./chunk-MRMKZQ43.js';import'./chunk-SDOSUXGY.js';
