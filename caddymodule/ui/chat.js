import'./chat-FUC2U3Q6.js';import'./chunk-CUPM6I4H.js';import'./chunk-SDOSUXGY.js';
