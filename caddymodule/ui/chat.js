import'./chat-NDCGM5YR.js';import'./chunk-7UUR6HK5.js';import'./chunk-SDOSUXGY.js';
